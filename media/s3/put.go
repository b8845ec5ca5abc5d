package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"whatsapp-api/media"
)

// copyWithin is how long the server may take for the copy of a large file, and to forget an upload.
const copyWithin = 10 * time.Minute

// Put uploads a small file under its name at once. A large one, whose name is not known before its
// last byte, goes in parts under another name first.
func (b *Bucket) Put(ctx context.Context, r io.Reader, most int64) (media.Blob, error) {
	in := media.NewIntake(r, most)
	first := make([]byte, partSize)
	n, err := io.ReadFull(in, first)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && in.Broken() == nil:
		blob := in.Blob(time.Now().UTC())
		if err := b.putWhole(ctx, b.key(blob.Sum), first[:n]); err != nil {
			return media.Blob{}, fault("put file", err)
		}
		return blob, nil
	case err != nil:
		return media.Blob{}, fmt.Errorf("put file: %w", in.Broken())
	}
	return b.putLarge(ctx, in, first)
}

// putLarge uploads first and what follows.
func (b *Bucket) putLarge(ctx context.Context, in *media.Intake, first []byte) (media.Blob, error) {
	key := b.prefix + incoming + rand.Text()
	id, err := b.core.NewMultipartUpload(ctx, b.name, key, minio.PutObjectOptions{})
	if err != nil {
		return media.Blob{}, fault("put file", err)
	}
	parts, err := b.putParts(ctx, in, key, id, first)
	if err == nil {
		_, err = b.core.CompleteMultipartUpload(ctx, b.name, key, id, parts, minio.PutObjectOptions{})
	}
	if err != nil {
		return media.Blob{}, b.giveUp(ctx, in, key, id, err)
	}
	blob := in.Blob(time.Now().UTC())
	copying, cancel := context.WithTimeout(context.WithoutCancel(ctx), copyWithin)
	defer cancel()
	_, err = b.core.Client.CopyObject(copying, minio.CopyDestOptions{Bucket: b.name, Object: b.key(blob.Sum)}, minio.CopySrcOptions{Bucket: b.name, Object: key})
	gone := b.core.RemoveObject(copying, b.name, key, minio.RemoveObjectOptions{})
	if err != nil {
		return media.Blob{}, errors.Join(fault("put file", err), fault("remove upload", gone))
	}
	return blob, nil // also when the upload is still there: Sweep removes it
}

// putParts uploads part after part, with one of them in memory.
func (b *Bucket) putParts(ctx context.Context, in *media.Intake, key, id string, part []byte) (parts []minio.CompletePart, err error) {
	for n, last := len(part), false; n > 0; {
		put, err := b.core.PutObjectPart(ctx, b.name, key, id, len(parts)+1, bytes.NewReader(part[:n]), int64(n), minio.PutObjectPartOptions{})
		if err != nil {
			return nil, err
		}
		parts = append(parts, minio.CompletePart{PartNumber: put.PartNumber, ETag: put.ETag})
		if last {
			break
		}
		n, err = io.ReadFull(in, part)
		if last = errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF); err != nil && (!last || in.Broken() != nil) {
			return nil, err
		}
	}
	return parts, nil
}

// giveUp has the server forget an upload, and says what went wrong with it.
func (b *Bucket) giveUp(ctx context.Context, in *media.Intake, key, id string, err error) error {
	if broken := in.Broken(); broken != nil {
		err = fmt.Errorf("put file: %w", broken)
	} else {
		err = fault("put file", err)
	}
	forgetting, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	if gone := b.core.AbortMultipartUpload(forgetting, b.name, key, id); gone != nil {
		err = errors.Join(err, fault("forget upload", gone)) // Sweep tries again
	}
	return err
}

// list goes through the objects whose names begin with this.
func (b *Bucket) list(ctx context.Context, begin string) iter.Seq[minio.ObjectInfo] {
	return b.core.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + begin, Recursive: true})
}

// fault says what was being done, and turns the word of a server that is away, busy or full into
// media.ErrUnavailable.
func fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	answer := minio.ToErrorResponse(err)
	switch {
	case answer.Code == minio.NoSuchKey || answer.Code == "NoSuchUpload" || answer.StatusCode == http.StatusNotFound && answer.Code != minio.NoSuchBucket:
		return fmt.Errorf("%s: %w", doing, media.ErrNotFound)
	case answer.StatusCode == 0 || answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: %w", doing, media.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
