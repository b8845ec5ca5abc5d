// Package media is the contract of the places where files are kept: a folder (media/folder), MongoDB
// (GridFS, in store/mongo) or a bucket (media/s3). Blobs is the contract; media/mediatest holds the
// three to it.
//
// A file is known by the SHA-256 of its bytes alone, so that the same content is kept once, whoever
// sent it. Whose it is, what it is called and of which kind is told by records of the store, of
// which a place knows nothing.
package media
