package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"whatsapp-api/media"
)

const (
	files    = "files/"
	incoming = "incoming/"
	owner    = "owner" // an object that says whose files these are

	// partSize is the least that S3 takes for a part of an upload, and what is held in memory of it.
	partSize = 5 << 20
	// answerWithin is how long the server may take to begin its answer.
	answerWithin = 30 * time.Second
	// tries is how often a request is sent until the server counts as away.
	tries = 3
)

// Config says where the bucket is.
type Config struct {
	Endpoint  string // http:// or https:// with host and port
	Region    string // empty: the library asks the server
	Bucket    string // must be there
	Prefix    string // of all names; empty, or it ends with a slash
	AccessKey string
	SecretKey string

	// Owner is whose files these are: each server, or all that have one store in common, has its
	// own name.
	Owner string
}

// Bucket is a bucket with files.
type Bucket struct {
	core   *minio.Core
	web    *http.Transport
	name   string
	prefix string
}

var _ media.Blobs = (*Bucket)(nil)

// Open makes sure that the bucket is there, that it may be written to, and whose it is. A bucket,
// or a prefix in it, in which another owner keeps files is media.ErrOwned.
func Open(ctx context.Context, cfg Config) (*Bucket, error) {
	at, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	secure := at.Scheme == "https"
	web, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	web.ResponseHeaderTimeout = answerWithin
	core, err := minio.NewCore(at.Host, &minio.Options{
		Creds: credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""), Secure: secure, Region: cfg.Region, Transport: web, MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	b := &Bucket{core: core, web: web, name: cfg.Bucket, prefix: cfg.Prefix}
	if err := b.own(ctx, cfg.Owner); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// own leaves a word whose files these are, or finds it.
func (b *Bucket) own(ctx context.Context, who string) error {
	const doing = "own bucket"
	object, _, _, err := b.core.GetObject(ctx, b.name, b.prefix+owner, minio.GetObjectOptions{})
	if err == nil {
		var now []byte
		now, err = io.ReadAll(io.LimitReader(object, 1<<10))
		err = errors.Join(err, object.Close())
		if err == nil && string(now) != who {
			return fmt.Errorf("%s: %w: bucket %s, names that begin with %q", doing, media.ErrOwned, b.name, b.prefix)
		}
		return fault(doing, err)
	}
	if err = fault(doing, err); !errors.Is(err, media.ErrNotFound) {
		return err
	}
	return fault(doing, b.putWhole(ctx, b.prefix+owner, []byte(who)))
}

// Close closes the connections.
func (b *Bucket) Close() error {
	b.web.CloseIdleConnections()
	return nil
}

func (b *Bucket) key(sum media.Sum) string { return b.prefix + files + sum.String() }

// Open asks for a part of a file.
func (b *Bucket) Open(ctx context.Context, sum media.Sum, offset, length int64) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	var err error
	switch {
	case length == 0:
		_, err := b.Stat(ctx, sum)
		return http.NoBody, err
	case length > 0:
		err = o.SetRange(offset, offset+length-1)
	case offset > 0:
		err = o.SetRange(offset, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	object, _, _, err := b.core.GetObject(ctx, b.name, b.key(sum), o)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil // nothing lies there
	}
	if err != nil {
		return nil, fault("open file", err)
	}
	return object, nil
}

// Stat asks for a file's size and time.
func (b *Bucket) Stat(ctx context.Context, sum media.Sum) (media.Blob, error) {
	info, err := b.core.StatObject(ctx, b.name, b.key(sum), minio.StatObjectOptions{})
	if err != nil {
		return media.Blob{}, fault("look at file", err)
	}
	return media.Blob{Sum: sum, Size: info.Size, At: info.LastModified.UTC()}, nil
}

// Remove deletes a file that was put last before this time. S3 has no request that does both the look
// and the deletion: between the two, which are parts of a second, a Put of the same content may be
// lost. So before should be long ago.
func (b *Bucket) Remove(ctx context.Context, sum media.Sum, before time.Time) (bool, error) {
	blob, err := b.Stat(ctx, sum)
	if errors.Is(err, media.ErrNotFound) {
		return true, nil
	}
	if err != nil || !blob.At.Before(before) {
		return false, err
	}
	if err := b.core.RemoveObject(ctx, b.name, b.key(sum), minio.RemoveObjectOptions{}); err != nil {
		return false, fault("remove file", err)
	}
	return true, nil
}

// Walk lists the files, which S3 gives in the order of their names.
func (b *Bucket) Walk(ctx context.Context, fn func(media.Blob) error) error {
	for object := range b.list(ctx, files) {
		if object.Err != nil {
			return fault("walk files", object.Err)
		}
		sum, err := media.ParseSum(strings.TrimPrefix(object.Key, b.prefix+files))
		if err != nil {
			continue // not ours
		}
		if err := fn(media.Blob{Sum: sum, Size: object.Size, At: object.LastModified.UTC()}); err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes uploads that were not ended, and those whose copy was not made.
func (b *Bucket) Sweep(ctx context.Context, before time.Time) error {
	for object := range b.list(ctx, incoming) {
		err := object.Err
		if err == nil && object.LastModified.Before(before) {
			err = b.core.RemoveObject(ctx, b.name, object.Key, minio.RemoveObjectOptions{})
		}
		if err != nil {
			return fault("sweep files", err)
		}
	}
	key, id := "", ""
	for {
		page, err := b.core.ListMultipartUploads(ctx, b.name, b.prefix+incoming, key, id, "", 1000)
		if err != nil {
			return fault("sweep files", err)
		}
		for _, u := range page.Uploads {
			if !u.Initiated.Before(before) {
				continue
			}
			if err := fault("sweep files", b.core.AbortMultipartUpload(ctx, b.name, u.Key, u.UploadID)); err != nil && !errors.Is(err, media.ErrNotFound) {
				return err
			}
		}
		if key, id = page.NextKeyMarker, page.NextUploadIDMarker; !page.IsTruncated || key == "" {
			return nil
		}
	}
}

// putWhole uploads what is in memory. It is there whole or not at all.
func (b *Bucket) putWhole(ctx context.Context, key string, whole []byte) error {
	_, err := b.core.Client.PutObject(ctx, b.name, key, bytes.NewReader(whole), int64(len(whole)), minio.PutObjectOptions{DisableMultipart: true})
	return err
}
