package main

import (
	"fmt"
	"strings"
	"time"

	as "github.com/aerospike/aerospike-client-go/v8"
	"github.com/aerospike/aerospike-client-go/v8/types"
)

const (
	setName = "demo"
	module  = "function sample(rec)\n  return 1\nend\n"
	rows    = 500
)

// exercised is what the client prints.
type exercised struct {
	Steps int `json:"steps"`
	Nodes int `json:"nodes"`
	Rows  int `json:"rows"`
}

// exerciser walks through what the official client alone is used for.
type exerciser struct {
	*as.Client
	namespace string
	nodes     int
	batches   *as.BatchPolicy
}

// step is a part of it.
type step struct {
	name string
	run  func()
}

func exercise(args []string) (any, error) {
	set, with := flags("client")
	nodes := set.Int("nodes", 1, "nodes that the cluster must have")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	client, err := with.connect()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	e := &exerciser{client, with.namespace, *nodes, as.NewBatchPolicy()}
	steps := []step{
		{"info", e.info}, {"put and get", e.putAndGet}, {"keys", e.keys},
		{"policies", e.policies}, {"ttl and touch", e.touch}, {"operate", e.operate},
		{"batch write", e.batchWrite}, {"batch read", e.batchRead},
		{"batch delete", e.batchDelete}, {"scan", e.scan}, {"index", e.index},
		{"index queries", e.indexQueries}, {"background writes", e.background}, {"udf", e.udf},
		{"truncate", e.truncate},
	}
	if with.user != "" {
		steps = append(steps, step{"users", e.users})
	}
	for _, step := range steps {
		if err := attempt(step.name, step.run); err != nil {
			return nil, err
		}
	}
	return exercised{Steps: len(steps), Nodes: *nodes, Rows: rows}, nil
}

func (e *exerciser) key(value any) *as.Key {
	return must(as.NewKey(e.namespace, setName, value))
}

// info asks all nodes.
func (e *exerciser) info() {
	equal(len(e.GetNodes()), e.nodes)
	names := map[string]bool{}
	for _, node := range e.GetNodes() {
		found := must(node.RequestInfo(as.NewInfoPolicy(), "node", "build", "namespaces"))
		equal(found["build"], "8.1.2.0")
		equal(found["namespaces"], e.namespace)
		equal(found["node"], node.GetName())
		names[found["node"]] = true
	}
	equal(len(names), e.nodes)
}

func (e *exerciser) putAndGet() {
	key := e.key("k")
	bins := as.BinMap{
		"int": -5, "str": "żółw", "dbl": 0.5, "bool": true, "blob": []byte{0, 255},
		"list": []any{1, "a", []any{2.5, nil}},
		"map":  map[any]any{"b": 1, "a": map[any]any{"c": []any{1}}},
		"geo":  as.GeoJSONValue(`{"type":"Point","coordinates":[1.0,2.0]}`),
	}
	ok(e.Put(nil, key, bins))
	record := must(e.Get(nil, key))
	equal(record.Bins, bins)
	equal(record.Generation, uint32(1))
	equal(must(e.Get(nil, key, "int", "none")).Bins, as.BinMap{"int": -5})
	header := must(e.GetHeader(nil, key))
	equal(header.Generation, uint32(1))
	equal(len(header.Bins), 0)
	equal(must(e.Exists(nil, key)), true)
	equal(must(e.Exists(nil, e.key("none"))), false)
	_, err := e.Get(nil, e.key("none"))
	refused(err, types.KEY_NOT_FOUND_ERROR)
}

// keys are stored on request, for each type of key, and stay when a write leaves them out.
func (e *exerciser) keys() {
	send := as.NewWritePolicy(0, 0)
	send.SendKey = true
	values := []any{int64(7), "text", []byte{1, 2}}
	for _, value := range values {
		ok(e.Put(send, e.key(value), as.BinMap{"a": 1}))
		ok(e.Put(nil, e.key(value), as.BinMap{"b": 1}))
	}
	stored := 0
	for _, record := range e.scanAll(as.NewScanPolicy()) {
		if record.Key.Value() != nil {
			stored++
			equal(len(record.Bins), 2)
		}
	}
	equal(stored, len(values))
	for _, value := range values {
		equal(must(e.Delete(nil, e.key(value))), true)
		equal(must(e.Delete(nil, e.key(value))), false)
	}
}

func (e *exerciser) policies() {
	key := e.key("k")
	with := func(change func(*as.WritePolicy)) as.Error {
		policy := as.NewWritePolicy(0, 0)
		change(policy)
		return e.Put(policy, key, as.BinMap{"a": 1})
	}
	expect := func(policy as.GenerationPolicy, generation uint32) func(*as.WritePolicy) {
		return func(write *as.WritePolicy) {
			write.GenerationPolicy, write.Generation = policy, generation
		}
	}
	exists := func(action as.RecordExistsAction) func(*as.WritePolicy) {
		return func(write *as.WritePolicy) { write.RecordExistsAction = action }
	}
	refused(with(exists(as.CREATE_ONLY)), types.KEY_EXISTS_ERROR)
	refused(with(expect(as.EXPECT_GEN_EQUAL, 7)), types.GENERATION_ERROR)
	refused(with(expect(as.EXPECT_GEN_GT, 1)), types.GENERATION_ERROR)
	ok(with(expect(as.EXPECT_GEN_EQUAL, 1)))
	ok(with(expect(as.EXPECT_GEN_GT, 3)))
	ok(with(exists(as.REPLACE)))
	equal(must(e.Get(nil, key)).Bins, as.BinMap{"a": 1})
	refused(e.Put(nil, key, as.BinMap{"sixteen_bytes_xx": 1}), types.BIN_NAME_TOO_LONG)
	policy := as.NewWritePolicy(0, 0)
	policy.RecordExistsAction = as.UPDATE_ONLY
	refused(e.Put(policy, e.key("none"), as.BinMap{"a": 1}), types.KEY_NOT_FOUND_ERROR)
}

func (e *exerciser) touch() {
	key := e.key("ttl")
	lives := func(seconds uint32) {
		found := must(e.Get(nil, key)).Expiration
		require(found <= seconds && found+10 > seconds, "ttl %d", found)
	}
	ok(e.Put(as.NewWritePolicy(0, 1000), key, as.BinMap{"a": 1}))
	lives(1000)
	ok(e.Touch(as.NewWritePolicy(0, 5000), key))
	lives(5000)
	refused(e.Touch(nil, e.key("none")), types.KEY_NOT_FOUND_ERROR)
}

func (e *exerciser) operate() {
	key := e.key("op")
	ok(e.Put(nil, key, as.BinMap{"n": 1, "s": "b"}))
	ok(e.Add(nil, key, as.BinMap{"n": 4}))
	ok(e.Append(nil, key, as.BinMap{"s": "c"}))
	ok(e.Prepend(nil, key, as.BinMap{"s": "a"}))
	record := must(e.Operate(nil, key,
		as.AddOp(as.NewBin("n", 1)), as.GetBinOp("n"), as.GetBinOp("s")))
	equal(record.Bins["s"], "abc")
	ok(e.Put(nil, key, as.BinMap{"n": nil}))
	equal(must(e.Get(nil, key)).Bins, as.BinMap{"s": "abc"})
}

func (e *exerciser) batchWrite() {
	records := make([]as.BatchRecordIfc, rows)
	for i := range records {
		records[i] = as.NewBatchWrite(nil, e.key(i), as.PutOp(as.NewBin("i", i)),
			as.PutOp(as.NewBin("s", strings.Repeat("x", i))))
	}
	ok(e.BatchOperate(e.batches, records))
	e.expectAll(records, types.OK)
	create := as.NewBatchWritePolicy()
	create.RecordExistsAction = as.CREATE_ONLY
	e.again(create, types.KEY_EXISTS_ERROR)
	newer := as.NewBatchWritePolicy()
	newer.GenerationPolicy = as.EXPECT_GEN_GT
	newer.Generation = 1
	e.again(newer, types.GENERATION_ERROR)
}

// again expects that batches of one row and of three are refused, row by row.
func (e *exerciser) again(policy *as.BatchWritePolicy, code types.ResultCode) {
	for _, count := range []int{1, 3} {
		var records []as.BatchRecordIfc
		for i := range count {
			records = append(records,
				as.NewBatchWrite(policy, e.key(i), as.PutOp(as.NewBin("i", -1))))
		}
		// Whether refused rows make the whole call fail is the client's choice.
		_ = e.BatchOperate(e.batches, records)
		e.expectAll(records, code)
	}
}

func (e *exerciser) expectAll(records []as.BatchRecordIfc, code types.ResultCode) {
	for i, record := range records {
		found := record.BatchRec()
		require(found.ResultCode == code, "row %d: %v, expected %v", i, found, code)
	}
}

func (e *exerciser) batchRead() {
	records := must(e.BatchGet(e.batches, []*as.Key{e.key(3), e.key(4), e.key(9999)}))
	equal(records[1].Bins, as.BinMap{"i": 4, "s": "xxxx"})
	require(records[2] == nil, "%v", records[2])
	equal(must(e.BatchGet(e.batches, []*as.Key{e.key(5)}, "i"))[0].Bins, as.BinMap{"i": 5})
	equal(must(e.BatchExists(e.batches, []*as.Key{e.key(1), e.key(9999)})), []bool{true, false})
	headers := must(e.BatchGetHeader(e.batches, []*as.Key{e.key(1), e.key(2)}))
	equal(headers[1].Generation, uint32(1))
}

func (e *exerciser) batchDelete() {
	var keys []*as.Key
	for i := rows - 100; i < rows; i++ {
		keys = append(keys, e.key(i))
	}
	for _, part := range [][]*as.Key{keys[:1], keys[1:]} {
		for _, record := range must(e.BatchDelete(e.batches, nil, part)) {
			equal(record.ResultCode, types.OK)
		}
	}
	for _, record := range must(e.BatchDelete(e.batches, nil, keys[:3])) {
		equal(record.ResultCode, types.KEY_NOT_FOUND_ERROR)
	}
}

// scanAll reads the whole set.
func (e *exerciser) scanAll(policy *as.ScanPolicy, bins ...string) []*as.Record {
	return records(must(e.ScanAll(policy, e.namespace, setName, bins...)))
}

func records(set *as.Recordset) (all []*as.Record) {
	for result := range set.Results() {
		ok(result.Err)
		all = append(all, result.Record)
	}
	return all
}

// scan reads everything, projected bins, single partitions, nodes one by one, and pages.
func (e *exerciser) scan() {
	const left = rows - 100 + 3 // "k", "ttl" and "op" are in the set as well
	equal(len(e.scanAll(as.NewScanPolicy())), left)
	equal(len(e.scanAll(as.NewScanPolicy(), "i")), rows-100)
	policy := as.NewScanPolicy()
	policy.IncludeBinData = false
	for _, record := range e.scanAll(policy) {
		equal(len(record.Bins), 0)
	}
	total := 0
	for _, node := range e.GetNodes() {
		total += len(records(must(e.ScanNode(nil, node, e.namespace, setName))))
	}
	equal(total, left)
	halves := 0
	for _, begin := range []int{0, 2048} {
		half := as.NewPartitionFilterByRange(begin, 2048)
		halves += len(records(must(e.ScanPartitions(nil, half, e.namespace, setName))))
	}
	equal(halves, left)
	e.pages(left)
}

// pages reads at most 50 records at a time until the filter says that it is done.
func (e *exerciser) pages(expected int) {
	policy := as.NewScanPolicy()
	policy.MaxRecords = 50
	filter := as.NewPartitionFilterAll()
	seen := map[string]bool{}
	for !filter.IsDone() {
		page := records(must(e.ScanPartitions(policy, filter, e.namespace, setName)))
		require(len(page) <= 50, "a page of %d", len(page))
		for _, record := range page {
			seen[string(record.Key.Digest())] = true
		}
	}
	equal(len(seen), expected)
}

func (e *exerciser) index() {
	create := func(bin string, kind as.IndexType) (*as.IndexTask, as.Error) {
		return e.CreateIndex(nil, e.namespace, setName, "ix", bin, kind)
	}
	done(must(create("i", as.NUMERIC)))
	_, err := create("s", as.STRING)
	refused(err, types.INDEX_FOUND)
	done(must(create("i", as.NUMERIC))) // the same once more is no error
	done(must(e.CreateComplexIndex(nil, e.namespace, setName, "ix_list", "list", as.STRING,
		as.ICT_LIST, as.CtxMapKey(as.NewValue("a")))))
	done(must(e.CreateIndexWithExpression(nil, e.namespace, setName, "ix_exp", as.NUMERIC,
		as.ICT_DEFAULT, as.ExpIntBin("i"))))
	done(must(e.CreateSetIndex(nil, e.namespace, setName, "ix_set")))
	for _, name := range []string{"ix", "ix_list", "ix_exp", "ix_set"} {
		ok(e.DropIndex(nil, e.namespace, setName, name))
	}
	ok(e.DropIndex(nil, e.namespace, setName, "ix"))
}

// indexQueries finds records by indexes on numbers, texts and an expression.
func (e *exerciser) indexQueries() {
	expression := as.ExpNumMod(as.ExpIntBin("i"), as.ExpIntVal(100))
	done(must(e.CreateIndex(nil, e.namespace, setName, "q_i", "i", as.NUMERIC)))
	done(must(e.CreateIndex(nil, e.namespace, setName, "q_s", "s", as.STRING)))
	done(must(e.CreateIndexWithExpression(nil, e.namespace, setName, "q_e", as.NUMERIC,
		as.ICT_DEFAULT, expression)))
	count := func(filter *as.Filter) int {
		statement := as.NewStatement(e.namespace, setName)
		ok(statement.SetFilter(filter))
		return len(records(must(e.Query(nil, statement))))
	}
	equal(count(as.NewRangeFilter("i", 10, 19)), 10)
	equal(count(as.NewEqualFilter("s", "xxxx")), 1)
	equal(count(as.NewRangeWithIndexNameFilter("q_e", 0, 1)), 8)
	for _, name := range []string{"q_i", "q_s", "q_e"} {
		ok(e.DropIndex(nil, e.namespace, setName, name))
	}
}

// background writes to every record of the set and waits for it.
func (e *exerciser) background() {
	statement := as.NewStatement(e.namespace, setName)
	task := must(e.QueryExecute(nil, nil, statement, as.PutOp(as.NewBin("background", 1))))
	ok(<-task.OnComplete())
	for _, record := range e.scanAll(as.NewScanPolicy()) {
		equal(record.Bins["background"], 1)
	}
}

func (e *exerciser) udf() {
	done(must(e.RegisterUDF(nil, []byte(module), "sample.lua", as.LUA)))
	listed := must(e.ListUDF(nil))
	equal(len(listed), 1)
	equal(listed[0].Filename, "sample.lua")
	done(must(e.RemoveUDF(nil, "sample.lua")))
	equal(len(must(e.ListUDF(nil))), 0)
}

func (e *exerciser) truncate() {
	ok(e.Truncate(nil, e.namespace, setName, nil))
	end := time.Now().Add(20 * time.Second)
	for len(e.scanAll(as.NewScanPolicy())) > 0 {
		require(time.Now().Before(end), "records outlive the truncation")
		time.Sleep(20 * time.Millisecond) // it is asynchronous, and there is nothing to wait for
	}
	command := fmt.Sprintf("sets/%s/%s", e.namespace, setName)
	for _, node := range e.GetNodes() {
		found := must(node.RequestInfo(as.NewInfoPolicy(), command))[command]
		require(strings.Contains(found, "objects=0:"), "%s: %q", command, found)
	}
}
