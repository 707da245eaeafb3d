package main

import (
	"fmt"
	"reflect"

	as "github.com/aerospike/aerospike-client-go/v8"
	"github.com/aerospike/aerospike-client-go/v8/types"
)

// failure is what the checks panic with; attempt turns it into an error.
type failure struct{ error }

// attempt runs one step of the exercise.
func attempt(name string, step func()) (err error) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("%s: %w", name, reason.error)
		default:
			panic(reason)
		}
	}()
	step()
	return nil
}

func require(holds bool, format string, args ...any) {
	if !holds {
		panic(failure{fmt.Errorf(format, args...)})
	}
}

func equal(got, want any) {
	require(reflect.DeepEqual(got, want), "got %#v, expected %#v", got, want)
}

func ok(err as.Error) {
	require(err == nil, "%v", err)
}

// must returns the value of a call that has to succeed.
func must[T any](value T, err as.Error) T {
	ok(err)
	return value
}

// refused expects an error with this result code.
func refused(err as.Error, code types.ResultCode) {
	require(err != nil, "no error, expected %v", code)
	require(err.Matches(code), "%v, expected %v", err, code)
}

// done waits for the task that a call has begun.
func done(task interface{ OnComplete() chan as.Error }) {
	ok(<-task.OnComplete())
}
