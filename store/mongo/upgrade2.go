package mongo

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

// upgradeTo2 makes aliases of the addresses of contacts, lets chats be found by the number of their
// person, and makes tasks of the messages that act on others. First it projects what a crash has
// left of the first version's units, for good: so that none of them is ever projected after it.
func (s *Store) upgradeTo2(ctx context.Context) error {
	if err := s.index(ctx); err != nil {
		return err
	}
	if err := s.aliasesOfContacts(ctx); err != nil {
		return fmt.Errorf("contacts: %w", err)
	}
	sessions, err := findAll[sessionDoc](ctx, s.col.sessions, bson.D{notDeleting})
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	for _, doc := range sessions {
		if err := s.projectForGood(ctx, doc); err != nil {
			return fmt.Errorf("units of session %s: %w", doc.ID, err)
		}
	}
	if err := s.numbersOfChats(ctx); err != nil {
		return fmt.Errorf("chats: %w", err)
	}
	if err := s.tasksOfActs(ctx); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	return nil
}

// projectForGood projects all units of a session that nobody owns, and makes that durable.
func (s *Store) projectForGood(ctx context.Context, doc sessionDoc) error {
	h := headOf(doc)
	if err := s.replay(ctx, doc.ID, &h, terms{epoch: noEpoch}, nil); err != nil {
		return err
	}
	return s.keepHead(ctx, doc.ID, &h, noEpoch)
}

func (s *Store) aliasesOfContacts(ctx context.Context) error {
	address := func(field string) bson.D { return bson.D{{Key: "$ifNull", Value: bson.A{field, ""}}} }
	aliases := bson.D{{Key: "$filter", Value: bson.D{
		{Key: "input", Value: bson.A{address("$phone"), address("$lid")}},
		{Key: "cond", Value: bson.D{{Key: "$ne", Value: bson.A{"$$this", ""}}}},
	}}}
	_, err := s.col.contacts.UpdateMany(ctx, bson.D{{Key: "aka", Value: bson.D{{Key: "$exists", Value: false}}}},
		bson.A{bson.D{{Key: "$set", Value: bson.D{{Key: "aka", Value: aliases}}}}})
	return err
}

// numbersOfChats: the document of a person's chat has the same id as that of the person.
func (s *Store) numbersOfChats(ctx context.Context) error {
	cursor, err := s.col.contacts.Aggregate(ctx, bson.A{
		bson.D{{Key: "$match", Value: bson.D{{Key: "phone", Value: bson.D{{Key: "$gt", Value: ""}}}}}},
		bson.D{{Key: "$project", Value: bson.D{{Key: "phone", Value: 1}}}},
		bson.D{{Key: "$merge", Value: bson.D{
			{Key: "into", Value: s.col.chats.Name()},
			{Key: "whenMatched", Value: bson.A{bson.D{{Key: "$set", Value: bson.D{
				{Key: "phone", Value: bson.D{{Key: "$ifNull", Value: bson.A{"$phone", "$$new.phone"}}}},
			}}}}},
			{Key: "whenNotMatched", Value: "discard"},
		}}},
	})
	if err != nil {
		return err
	}
	return cursor.Close(ctx)
}

// actTypes are the types of messages that act on another one, or on the chat. The first version kept
// them among the others.
var actTypes = bson.A{"reaction", "edit", "revoke", "pin", "keep", "poll_vote", "ephemeral_setting"}

// actsPage is how many of them are turned into tasks at once.
const actsPage = 500

// tasksOfActs first keeps the tasks, then deletes the messages, so that a crash loses none.
func (s *Store) tasksOfActs(ctx context.Context) error {
	acts := bson.D{{Key: "t", Value: bson.D{{Key: "$in", Value: actTypes}}}}
	cursor, err := s.col.messages.Find(ctx, acts, options.Find().SetBatchSize(actsPage))
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what matters was read
	var page []messageDoc
	for cursor.Next(ctx) {
		var doc messageDoc
		if err := cursor.Decode(&doc); err != nil {
			return err
		}
		if page = append(page, doc); len(page) == actsPage {
			if err := s.actsToTasks(ctx, page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	if err := cursor.Err(); err != nil || len(page) == 0 {
		return err
	}
	return s.actsToTasks(ctx, page)
}

func (s *Store) actsToTasks(ctx context.Context, page []messageDoc) error {
	var models []mongo.WriteModel
	var ids bson.A
	for _, doc := range page {
		ids = append(ids, doc.ID)
		if doc.Raw == nil {
			continue
		}
		task, err := taskOfAct(doc)
		if err != nil {
			return err
		}
		models = append(models, taskWrite(doc.Session, store.TaskChange{Task: task}, doc.Op, nil))
	}
	if err := bulk(ctx, s.col.tasks, models, false); err != nil {
		return err
	}
	_, err := deleteMany(ctx, s.col.messages, byID(bson.D{{Key: "$in", Value: ids}}))
	return err
}

// taskOfAct is what both back ends make of such a message.
func taskOfAct(doc messageDoc) (store.Task, error) {
	upper := func(text string) string { return strings.ToUpper(hex.EncodeToString([]byte(text))) }
	payload, err := json.Marshal(struct {
		Chat      string `json:"chat"`
		Sender    string `json:"sender"`
		ID        string `json:"id"`
		FromMe    bool   `json:"fromMe"`
		Timestamp int64  `json:"timestamp"` // milliseconds
		Raw       string `json:"raw"`       // hexadecimal
	}{doc.Chat, doc.Sender, doc.Message, doc.FromMe, doc.Timestamp, upper(string(doc.Raw))})
	return store.Task{
		ID:   "act/" + upper(doc.Chat) + "/" + upper(doc.Sender) + "/" + upper(doc.Message),
		Kind: "act", Payload: payload, Due: at(doc.Timestamp),
	}, err
}
