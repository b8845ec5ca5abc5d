package mongo

import (
	"context"
	"errors"

	"whatsapp-api/store"
)

type secrets struct{ s *Store }

type secretDoc struct {
	Name  string `bson:"_id"`
	Value []byte `bson:"value"`
}

func (s secrets) GetOrCreate(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if fresh == nil {
		fresh = []byte{}
	}
	var d secretDoc
	err := findOne(ctx, "get secret", s.s.col.secrets, byID(name), &d)
	if !errors.Is(err, store.ErrNotFound) {
		return d.Value, err
	}
	err = insert(ctx, "create secret", s.s.col.secrets, secretDoc{name, fresh})
	if err == nil {
		return fresh, nil
	}
	if !errors.Is(err, store.ErrExists) { // somebody was faster
		return nil, err
	}
	err = findOne(ctx, "get secret", s.s.col.secrets, byID(name), &d)
	return d.Value, err
}
