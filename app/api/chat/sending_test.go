package chat

import (
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"whatsapp-api/app/service/chat"
)

// TestLimitsOfDrafts compares what the document allows of a text with what the rules do.
func TestLimitsOfDrafts(t *testing.T) {
	body, _ := reflect.TypeFor[sendMessageIn]().FieldByName("Body")
	fields := huma.SchemaFromType(huma.NewMapRegistry("#/", huma.DefaultSchemaNamer), body.Type).Properties
	require.Equal(t, chat.MaxAddress, *fields["to"].MaxLength)
	require.Equal(t, chat.MaxText, *fields["text"].MaxLength)
	require.Equal(t, chat.MaxMessageID, *fields["quotedMessageId"].MaxLength)
	require.Equal(t, chat.MaxMentions, *fields["mentions"].MaxItems)
}
