package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"whatsapp-api/store"
)

// duplicateKey is the server's code for a key that is there already.
const duplicateKey = 11000

// indexNotFound is its code for an index that is not there.
const indexNotFound = 27

// awayCodes are the server's words for: not now, or not here any more.
var awayCodes = []int{
	6, 7, 24, 50, 64, 79, 89, 91, 100, 189, 202, 262, 317, 358, 9001, 10058, 10107, 11600, 11602,
	13388, 13435, 13436, 14031, // 14031: the disk is full
}

// fault says what was being done, and turns the word of a server that cannot be reached or
// cannot write into store.ErrUnavailable.
func fault(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%s: %w", doing, err)
	case unavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, err)
	case errors.Is(err, mongo.ErrNoDocuments):
		return fmt.Errorf("%s: %w", doing, store.ErrNotFound)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func unavailable(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, errMoved) || errors.Is(err, mongo.ErrClientDisconnected) ||
		mongo.IsTimeout(err) || mongo.IsNetworkError(err) {
		return true
	}
	var selection topology.ServerSelectionError
	var connection topology.ConnectionError
	var pool interface{ Retryable() bool } // one that was cleared because another call found the server gone
	if errors.As(err, &selection) || errors.As(err, &connection) || errors.As(err, &pool) && pool.Retryable() {
		return true
	}
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	return server.HasErrorLabel("RetryableWriteError") || server.HasErrorLabel("RetryableError") ||
		slices.ContainsFunc(awayCodes, server.HasErrorCode)
}

// errAlone says that a command for several did not do its part for one, or that it is not known to.
var errAlone = errors.New("to be done alone")

// known leaves out the word that documents are there already.
func known(err error) error {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return err
	}
	for _, e := range bulk.WriteErrors {
		if e.Code != duplicateKey {
			return err
		}
	}
	return nil
}
