package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/media"
)

// Files are kept as GridFS has them, in the bucket media: a document of media.files for each, named
// by its SHA-256, and its bytes in media.chunks. The driver's own GridFS is not used: it takes 16 MB
// for each upload, and reads all that lies before a range.
//
// A file is there once its document is. The name is unique, so of two uploads of the same content
// the first stays whole, and the second drops its chunks.

const (
	blobChunkSize    = 1 << 20 // bytes, also in memory of a file that is read
	blobChunksAtOnce = 4       // of a file that is written
)

// Blobs is the place for files in the database. It ends with the store.
func (s *Store) Blobs() media.Blobs { return blobs{s} }

type blobs struct{ s *Store }

var _ media.Blobs = blobs{}

// blobFile is a document of media.files; the names are those of GridFS.
type blobFile struct {
	ID        bson.ObjectID `bson:"_id"`
	Length    int64         `bson:"length"`
	ChunkSize int32         `bson:"chunkSize"`
	At        time.Time     `bson:"uploadDate"`
	Name      string        `bson:"filename"` // the SHA-256, in hexadecimal
}

// blobChunk is a document of media.chunks.
type blobChunk struct {
	ID    bson.ObjectID `bson:"_id"`
	File  bson.ObjectID `bson:"files_id"`
	N     int32         `bson:"n"`
	Bytes []byte        `bson:"data"`
}

func (d blobFile) blob() (media.Blob, error) {
	sum, err := media.ParseSum(d.Name)
	return media.Blob{Sum: sum, Size: d.Length, At: d.At.UTC()}, err
}

func named(sum media.Sum) bson.D { return bson.D{{Key: "filename", Value: sum.String()}} }

// blobFault is fault in the words of media.
func blobFault(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mongo.ErrNoDocuments):
		return fmt.Errorf("%s: %w", doing, media.ErrNotFound)
	case unavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, media.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Put writes chunks, and the document that makes them a file.
func (b blobs) Put(ctx context.Context, r io.Reader, most int64) (media.Blob, error) {
	in, id := media.NewIntake(r, most), bson.NewObjectID()
	err := b.putChunks(ctx, in, id)
	var blob media.Blob
	if err == nil {
		blob = in.Blob(time.Now().UTC().Truncate(time.Millisecond))
		var kept bool
		if kept, err = b.publish(ctx, id, blob); kept && err == nil {
			return blob, nil
		}
	}
	switch broken := in.Broken(); {
	case broken != nil:
		err = fmt.Errorf("put file: %w", broken)
	default:
		err = blobFault("put file", err)
	}
	cleaning, cancel := b.s.bounded(context.WithoutCancel(ctx))
	defer cancel()
	if gone := b.dropChunks(cleaning, id); err != nil { // else Sweep removes what is left
		return media.Blob{}, errors.Join(err, blobFault("drop upload", gone))
	}
	return blob, nil
}

// putChunks writes the chunks of a file, a few at a time: each write waits for the journal.
func (b blobs) putChunks(ctx context.Context, in *media.Intake, id bson.ObjectID) error {
	part := make([]byte, blobChunksAtOnce*blobChunkSize)
	for n := int32(0); ; {
		size, err := io.ReadFull(in, part)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if broken := in.Broken(); broken != nil || err != nil && !last {
			return errors.Join(broken, err)
		}
		var docs []blobChunk
		for chunk := range slices.Chunk(part[:size], blobChunkSize) {
			docs = append(docs, blobChunk{ID: bson.NewObjectID(), File: id, N: n, Bytes: chunk})
			n++
		}
		if len(docs) > 0 {
			if _, err := b.s.col.blobChunks.InsertMany(ctx, docs); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

// publish makes the chunks of an upload a file. It says false when the content is kept already:
// then that file is put at this time.
func (b blobs) publish(ctx context.Context, id bson.ObjectID, blob media.Blob) (kept bool, err error) {
	doc := blobFile{ID: id, Length: blob.Size, ChunkSize: blobChunkSize, At: blob.At, Name: blob.Sum.String()}
	for {
		_, err := b.s.col.blobFiles.InsertOne(ctx, doc)
		if !mongo.IsDuplicateKeyError(err) {
			return err == nil, err
		}
		var now blobFile
		err = b.s.col.blobFiles.FindOneAndUpdate(ctx, named(blob.Sum), bson.D{{Key: "$max", Value: bson.D{{Key: "uploadDate", Value: blob.At}}}}).Decode(&now)
		if !errors.Is(err, mongo.ErrNoDocuments) { // else it was removed just now
			return err == nil && now.ID == id, err // ours: the server was away before its first answer
		}
	}
}

// Stat reads the document of a file.
func (b blobs) Stat(ctx context.Context, sum media.Sum) (media.Blob, error) {
	doc, err := b.find(ctx, sum)
	if err != nil {
		return media.Blob{}, blobFault("look at file", err)
	}
	return doc.blob()
}

func (b blobs) find(ctx context.Context, sum media.Sum) (doc blobFile, err error) {
	err = b.s.col.blobFiles.FindOne(ctx, named(sum)).Decode(&doc)
	return doc, err
}

// Open finds a file, whose chunks are read as they are needed.
func (b blobs) Open(ctx context.Context, sum media.Sum, offset, length int64) (io.ReadCloser, error) {
	doc, err := b.find(ctx, sum)
	if err != nil {
		return nil, blobFault("open file", err)
	}
	end := doc.Length
	if length >= 0 {
		end = min(end, offset+length)
	}
	return &blobReader{ctx: ctx, b: b, doc: doc, at: offset, end: end}, nil
}

// blobReader reads a file chunk by chunk. Each is a question of its own, so that a slow reader holds
// nothing open at the server.
type blobReader struct {
	ctx     context.Context
	b       blobs
	doc     blobFile
	at, end int64
	rest    []byte // of the chunk at hand
}

// Read reads on. A file that was removed meanwhile is io.ErrUnexpectedEOF.
func (r *blobReader) Read(p []byte) (int, error) {
	if r.at >= r.end {
		return 0, io.EOF
	}
	if len(r.rest) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p[:min(int64(len(p)), r.end-r.at)], r.rest)
	r.at, r.rest = r.at+int64(n), r.rest[n:]
	return n, nil
}

func (r *blobReader) next() error {
	var chunk blobChunk
	size := int64(r.doc.ChunkSize)
	filter := bson.D{{Key: "files_id", Value: r.doc.ID}, {Key: "n", Value: r.at / size}}
	err := r.b.s.col.blobChunks.FindOne(r.ctx, filter).Decode(&chunk)
	within := r.at % size
	switch {
	case errors.Is(err, mongo.ErrNoDocuments), err == nil && int64(len(chunk.Bytes)) <= within:
		return fmt.Errorf("read file: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return blobFault("read file", err)
	}
	r.rest = chunk.Bytes[within:]
	return nil
}

// Close lets go of the chunk at hand.
func (r *blobReader) Close() error {
	r.rest, r.at = nil, r.end
	return nil
}

// Remove deletes the document of a file that was put last before this time, and its chunks then.
func (b blobs) Remove(ctx context.Context, sum media.Sum, before time.Time) (bool, error) {
	var doc blobFile
	filter := append(named(sum), bson.E{Key: "uploadDate", Value: bson.D{{Key: "$lt", Value: before}}})
	err := b.s.col.blobFiles.FindOneAndDelete(ctx, filter).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		_, err := b.Stat(ctx, sum)
		gone := errors.Is(err, media.ErrNotFound)
		if gone {
			err = nil
		}
		return gone, err
	}
	if err == nil {
		dropping, cancel := unbounded(ctx) // a large file has many
		defer cancel()
		err = b.dropChunks(dropping, doc.ID)
	}
	return err == nil, blobFault("remove file", err)
}

func (b blobs) dropChunks(ctx context.Context, id bson.ObjectID) error {
	_, err := b.s.col.blobChunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: id}})
	return err
}

// Walk reads the documents of the files, page by page.
func (b blobs) Walk(ctx context.Context, fn func(media.Blob) error) error {
	for last := ""; ; {
		page, err := findAll[blobFile](ctx, b.s.col.blobFiles, bson.D{{Key: "filename", Value: bson.D{{Key: "$gt", Value: last}}}},
			options.Find().SetSort(asc("filename")).SetLimit(1000))
		if err != nil || len(page) == 0 {
			return blobFault("walk files", err)
		}
		for _, doc := range page {
			last = doc.Name
			blob, err := doc.blob()
			if err != nil { // not ours
				continue
			}
			if err := fn(blob); err != nil {
				return err
			}
		}
	}
}

// Sweep removes chunks whose file has no document, if their upload began before this time: ids
// have the time in them.
func (b blobs) Sweep(ctx context.Context, before time.Time) error {
	dropping, cancel := unbounded(ctx)
	defer cancel()
	end := bson.NewObjectIDFromTimestamp(before)
	for last := bson.NilObjectID; ; {
		var chunk blobChunk
		err := b.s.col.blobChunks.FindOne(ctx, bson.D{{Key: "files_id", Value: bson.D{{Key: "$gt", Value: last}, {Key: "$lt", Value: end}}}},
			options.FindOne().SetSort(asc("files_id", "n")).SetProjection(bson.D{{Key: "files_id", Value: 1}})).Decode(&chunk)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil
		}
		if err == nil {
			last = chunk.File
			err = b.s.col.blobFiles.FindOne(ctx, byID(last)).Err()
		}
		if errors.Is(err, mongo.ErrNoDocuments) {
			err = b.dropChunks(dropping, last)
		}
		if err != nil {
			return blobFault("sweep files", err)
		}
	}
}

// Close does nothing: the connections are the store's.
func (b blobs) Close() error { return nil }
