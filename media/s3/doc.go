// Package s3 keeps files in a bucket of an S3-compatible server, each as <prefix>files/<SHA-256>.
// What is too large to be uploaded in one request is under <prefix>incoming/ until it is whole, and
// is copied by the server then. Begin reading at s3.go.
package s3
