package main

import (
	as "github.com/aerospike/aerospike-client-go/v8"
	"github.com/aerospike/aerospike-client-go/v8/types"
)

// users makes a role and a user, changes and lists them, and removes them.
func (e *exerciser) users() {
	const role, user = "readers", "reader"
	read := as.Privilege{Code: as.Read, Namespace: e.namespace, SetName: setName}
	write := as.Privilege{Code: as.Write}
	ok(e.CreateRole(nil, role, []as.Privilege{read}, []string{"127.0.0.0/8"}, 0, 0))
	refused(e.CreateRole(nil, role, []as.Privilege{read}, nil, 0, 0), types.ROLE_ALREADY_EXISTS)
	ok(e.GrantPrivileges(nil, role, []as.Privilege{write}))
	found := must(e.QueryRole(nil, role))
	equal(found.Privileges, []as.Privilege{read, write})
	equal(found.Whitelist, []string{"127.0.0.0/8"})
	ok(e.RevokePrivileges(nil, role, []as.Privilege{write}))
	refused(e.SetQuotas(nil, role, 1, 1), types.QUOTAS_NOT_ENABLED)
	ok(e.SetWhitelist(nil, role, nil))
	ok(e.CreateUser(nil, user, "first", []string{role}))
	ok(e.GrantRoles(nil, user, []string{"truncate"}))
	ok(e.RevokeRoles(nil, user, []string{"truncate"}))
	ok(e.ChangePassword(nil, user, "second"))
	equal(must(e.QueryUser(nil, user)).Roles, []string{role})
	require(len(must(e.QueryUsers(nil))) >= 2, "users")
	refused(e.GrantRoles(nil, user, []string{"none"}), types.INVALID_ROLE)
	ok(e.DropUser(nil, user))
	refused(e.DropUser(nil, user), types.INVALID_USER)
	ok(e.DropRole(nil, role))
	for _, left := range must(e.QueryRoles(nil)) {
		require(left.Name != role, "the role is still there")
	}
}
