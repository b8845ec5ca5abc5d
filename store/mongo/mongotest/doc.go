// Package mongotest starts throw-away MongoDB servers for tests.
//
// Lone and ReplicaSet give a test a database of its own on a server that the whole test
// binary shares; wrap TestMain's m with Main so that these servers are stopped. Start
// makes a server for one test alone, which may be killed and started again. Whatever
// happens to the test binary, on Linux its servers die with it.
//
// find.go says where the mongod comes from; the command getmongod fetches one.
package mongotest
