package convert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
)

// ErrSealed says that an act could not be opened: the secret is missing or another one, or the act is
// damaged.
var ErrSealed = errors.New("sealed with a secret that does not fit")

// What a key is made for. WhatsApp's clients mix these words into it.
const (
	useVote        = "Poll Vote"
	useAnswer      = "Event Response"
	useReaction    = "Enc Reaction"
	useComment     = "Enc Comment"
	useMessageEdit = "Message Edit"
	useEventEdit   = "Event Edit"
	usePollEdit    = "Poll Edit"
	useAddOption   = "Poll Add Option"
)

// Sealed is the part of an act that only those can read who have the secret of its target.
type Sealed struct {
	Uses    []string // what the key may be made for
	Payload []byte
	IV      []byte
}

func sealed(x interface {
	GetEncPayload() []byte
	GetEncIV() []byte
}, uses ...string,
) *Sealed {
	return &Sealed{Uses: uses, Payload: x.GetEncPayload(), IV: x.GetEncIV()}
}

// Keys is what it takes to open an act. Each client makes the key with the identities as it saw them,
// so each person stands in every spelling that is known: phone number and LID.
type Keys struct {
	Secret  []byte      // of the target; see Reading.Secret
	Authors []types.JID // who wrote the target
	Actors  []types.JID // who acts
}

// Open makes a sealed act readable: it is the act with its payload and without Sealed. One that is
// not sealed comes back as it is. ErrSealed.
func (a Act) Open(k Keys) (Act, error) {
	if a.Sealed == nil {
		return a, nil
	}
	for _, use := range a.Sealed.Uses {
		for _, author := range k.Authors {
			for _, actor := range k.Actors {
				plain, err := a.Sealed.open(use, a.Target.ID, author, actor, k.Secret)
				if err != nil {
					continue
				}
				a.Sealed = nil
				return a, a.fill(plain)
			}
		}
	}
	return a, fmt.Errorf("open %s: %w", a.Kind, ErrSealed)
}

// open is AES-256-GCM under HKDF-SHA256(secret, info = id, author, actor, use); for votes and answers
// with id, 0 and actor as additional data. From whatsmeow's msgsecret.go.
func (s *Sealed) open(use, id string, author, actor types.JID, secret []byte) ([]byte, error) {
	gcm, extra, err := sealing(use, id, author, actor, secret)
	if err != nil || len(s.IV) != gcm.NonceSize() {
		return nil, ErrSealed
	}
	return gcm.Open(nil, s.IV, s.Payload, extra)
}

func sealing(use, id string, author, actor types.JID, secret []byte) (cipher.AEAD, []byte, error) {
	if len(secret) == 0 {
		return nil, nil, ErrSealed
	}
	by := actor.ToNonAD().String()
	key, err := hkdf.Key(sha256.New, secret, nil, id+author.ToNonAD().String()+by+use, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("make cipher: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if use == useVote || use == useAnswer {
		return gcm, []byte(id + "\x00" + by), err
	}
	return gcm, nil, err
}

// SealVote seals a vote in the poll with this id for options with these hashes. Of the authors and actors the
// first ones count.
func SealVote(id string, k Keys, hashes [][]byte) (payload, iv []byte, err error) {
	return sealFor(useVote, id, k, &waE2E.PollVoteMessage{SelectedOptions: hashes})
}

// SealAnswer seals an answer to the event with this id, as SealVote does.
func SealAnswer(id string, k Keys, answer waE2E.EventResponseMessage_EventResponseType, at time.Time) (payload, iv []byte, err error) {
	return sealFor(useAnswer, id, k, &waE2E.EventResponseMessage{Response: &answer, TimestampMS: proto.Int64(at.UnixMilli())})
}

func sealFor(use, id string, k Keys, what proto.Message) (payload, iv []byte, err error) {
	if len(k.Authors) == 0 || len(k.Actors) == 0 {
		return nil, nil, ErrSealed
	}
	gcm, extra, err := sealing(use, id, k.Authors[0], k.Actors[0], k.Secret)
	if err != nil {
		return nil, nil, err
	}
	plain, err := proto.Marshal(what)
	if err != nil {
		return nil, nil, fmt.Errorf("encode what is sealed: %w", err)
	}
	iv = make([]byte, gcm.NonceSize())
	rand.Read(iv) // never fails, see crypto/rand
	return gcm.Seal(nil, iv, plain, extra), iv, nil
}

// answers names the answers to a calendar event.
var answers = map[waE2E.EventResponseMessage_EventResponseType]string{
	waE2E.EventResponseMessage_GOING: store.AnswerGoing, waE2E.EventResponseMessage_NOT_GOING: store.AnswerNotGoing,
	waE2E.EventResponseMessage_MAYBE: store.AnswerMaybe,
}

// fill takes over what was sealed.
func (a *Act) fill(plain []byte) error {
	var err error
	switch a.Kind {
	case ActVote:
		var x waE2E.PollVoteMessage
		err = proto.Unmarshal(plain, &x)
		a.Hashes = slices.DeleteFunc(atMost(x.GetSelectedOptions()), func(h []byte) bool { return len(h) != sha256.Size })
	case ActAnswer:
		var x waE2E.EventResponseMessage
		err = proto.Unmarshal(plain, &x)
		a.Answer, a.Guests, a.At = answers[x.GetResponse()], count(x.GetExtraGuestCount()), Millis(x.GetTimestampMS())
	case ActReaction:
		var x waE2E.ReactionMessage
		err = proto.Unmarshal(plain, &x)
		a.Emoji, a.At = cleanEmoji(x.GetText()), Millis(x.GetSenderTimestampMS())
	default:
		var x waE2E.Message
		err = proto.Unmarshal(plain, &x)
		a.fillMessage(&x)
	}
	if err != nil {
		return fmt.Errorf("read opened %s: %w: %w", a.Kind, ErrSealed, err)
	}
	return nil
}

// fillMessage takes over a message that was sealed. An edit may be there in its plain form again, and
// an option of a poll in a message of its own.
func (a *Act) fillMessage(x *waE2E.Message) {
	inner, _ := unwrap(x)
	switch p := inner.GetProtocolMessage(); {
	case a.Kind == ActEdit && p.GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT && p.GetEditedMessage() != nil:
		a.Message, a.At = p.GetEditedMessage(), Millis(p.GetTimestampMS())
	case a.Kind == ActAddOption && inner.GetPollAddOptionMessage() != nil:
		option := optionOf(inner.GetPollAddOptionMessage().GetAddOption().GetOptionName())
		a.Option = &option
	default:
		a.Message = x
	}
}
