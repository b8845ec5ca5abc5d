// Package codes is the one list of all error codes: what each means and what whoever meets it can do, in
// every language of the guide. Programs tell errors apart by their code, and by nothing else; codes are for
// ever, texts may change.
//
// The API answers with what is in the list and takes status and text from it, the document names the codes
// of each operation, and the pages docs/LANGUAGE/errors.md and docs/errors.json of package web are made from
// it (task gen). Begin with [Row] and [All].
package codes
