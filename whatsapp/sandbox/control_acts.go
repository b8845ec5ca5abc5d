package sandbox

import "context"

func (c *control) actRoutes() {
	acting(c, "/read", "Show whoever wrote messages that they have been read", func(ctx context.Context, p *Phone, in readIn) (*none, error) {
		if in.ID != "" {
			in.IDs = append(in.IDs, in.ID)
		}
		return done(p.Read(ctx, in.To, in.IDs...))
	})
	making(c, "/react", "React to a message", func(ctx context.Context, p *Phone, in reactIn) (string, error) {
		return p.React(ctx, in.To, in.ID, in.Emoji)
	})
	making(c, "/edit", "Edit an own message", func(ctx context.Context, p *Phone, in editIn) (string, error) {
		if in.Secret {
			return p.EditSecretly(ctx, in.To, in.ID, in.Text)
		}
		return p.Edit(ctx, in.To, in.ID, in.Text)
	})
	making(c, "/revoke", "Delete an own message for everyone", func(ctx context.Context, p *Phone, in messageIn) (string, error) {
		return p.Revoke(ctx, in.To, in.ID)
	})
	making(c, "/vote", "Vote in a poll", func(ctx context.Context, p *Phone, in voteIn) (string, error) {
		return p.Vote(ctx, in.To, in.ID, in.Options...)
	})
	making(c, "/answer", "Answer a calendar event", func(ctx context.Context, p *Phone, in answerIn) (string, error) {
		return p.Answer(ctx, in.To, in.ID, in.Answer, in.Guests)
	})
	making(c, "/comment", "Comment on a message", func(ctx context.Context, p *Phone, in commentIn) (string, error) {
		return p.Comment(ctx, in.To, in.ID, in.Text)
	})
	acting(c, "/typing", "Show what the person is doing in a chat", func(_ context.Context, p *Phone, in typingIn) (*none, error) {
		return done(p.SetTyping(in.To, in.State))
	})
}

// actIn is the input of what a person does with a phone.
type actIn[T any] struct {
	Phone string `path:"phone" doc:"Phone number, with or without +"`
	Body  body[T]
}

func (a *actIn[T]) wrong() error { return a.Body.err }

// acting adds a route of one phone, whose body is all that it needs.
func acting[T, Out any](c *control, path, summary string, act func(context.Context, *Phone, T) (*Out, error)) {
	post(c, "/phones/{phone}"+path, summary, onPhone(c, act))
}

// making is acting for what becomes a message, of which the answer is the id.
func making[T any](c *control, path, summary string, act func(context.Context, *Phone, T) (string, error)) {
	create(c, "/phones/{phone}"+path, summary, onPhone(c, func(ctx context.Context, p *Phone, in T) (*out[sentOut], error) {
		return created(act(ctx, p, in))
	}))
}

// onPhone finds the phone.
func onPhone[T, Out any](c *control, act func(context.Context, *Phone, T) (*Out, error)) func(context.Context, *actIn[T]) (*Out, error) {
	return func(ctx context.Context, in *actIn[T]) (*Out, error) {
		p, err := c.Phone(in.Phone)
		if err != nil {
			return nil, err
		}
		return act(ctx, p, in.Body.V)
	}
}

// chatIn is a body that names a chat. huma does not see into types that are embedded without being
// exported, so each body names its chat itself.
type chatIn struct {
	To string `json:"to" doc:"The chat: a phone number, or the address of a group"`
}

type messageIn struct {
	To string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID string `json:"id" doc:"Of the message"`
}

type readIn struct {
	To  string   `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID  string   `json:"id,omitempty" doc:"Of the message, or ids of several by the same account"`
	IDs []string `json:"ids,omitempty"`
}

type reactIn struct {
	To    string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID    string `json:"id" doc:"Of the message"`
	Emoji string `json:"emoji,omitempty" doc:"None takes the reaction back"`
}

type editIn struct {
	To     string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID     string `json:"id" doc:"Of the message"`
	Text   string `json:"text"`
	Secret bool   `json:"secret,omitempty" doc:"Edit as newer phones do"`
}

type voteIn struct {
	To      string   `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID      string   `json:"id" doc:"Of the message"`
	Options []string `json:"options,omitempty" doc:"None takes the vote back"`
}

type answerIn struct {
	To     string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID     string `json:"id" doc:"Of the message"`
	Answer string `json:"answer" enum:"yes,no,maybe"`
	Guests int    `json:"guests,omitempty" minimum:"0" maximum:"100"`
}

type commentIn struct {
	To   string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	ID   string `json:"id" doc:"Of the message"`
	Text string `json:"text"`
}

type typingIn struct {
	To    string `json:"to" doc:"The chat: a phone number, or the address of a group"`
	State string `json:"state" enum:"composing,recording,paused"`
}
