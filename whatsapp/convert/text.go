package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readConversation(m *waE2E.Message, r *Reading) { r.Type, r.Text = TypeText, m.GetConversation() }

func readExtendedText(m *waE2E.Message, r *Reading) {
	x := m.GetExtendedTextMessage()
	r.Type, r.Text = TypeText, x.GetText()
	if x.GetMatchedText() != "" {
		r.Content.Links = []store.Link{{
			URL: x.GetMatchedText(), Title: x.GetTitle(), Description: x.GetDescription(), Image: picture(x.GetJPEGThumbnail()),
		}}
	}
	r.Content.ViewOnce = x.GetViewOnce()
}

// typeComment is the type of a comment until what is within is read.
const typeComment = "comment"

// readComment reads a comment as the message that it is, answering what it comments on.
func readComment(m *waE2E.Message, r *Reading) {
	x := m.GetCommentMessage()
	r.Type, r.note, r.Context = typeComment, x.GetMessage(), quoting(x.GetTargetMessageKey())
}

func readQuestionResponse(m *waE2E.Message, r *Reading) {
	x := m.GetQuestionResponseMessage()
	r.Type, r.Text, r.Context = TypeText, x.GetText(), quoting(x.GetKey())
}

func readStatusAnswer(m *waE2E.Message, r *Reading) {
	x := m.GetStatusQuestionAnswerMessage()
	r.Type, r.Text, r.Context = TypeText, x.GetText(), quoting(x.GetKey())
}

func readStatusQuoted(m *waE2E.Message, r *Reading) {
	x := m.GetStatusQuotedMessage()
	r.Type, r.Text, r.Context = TypeText, x.GetText(), quoting(x.GetOriginalStatusID())
}

// readRichResponse reads the answer of an assistant: its parts of text.
func readRichResponse(m *waE2E.Message, r *Reading) {
	var parts []string
	for _, s := range m.GetRichResponseMessage().GetSubmessages() {
		if text := s.GetMessageText(); text != "" {
			parts = append(parts, text)
		}
	}
	if len(parts) > 0 {
		r.Type, r.Text = TypeText, strings.Join(parts, "\n")
	}
}
