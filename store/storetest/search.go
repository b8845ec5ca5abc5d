package storetest

import (
	"fmt"
	"strings"

	"whatsapp-api/store"
)

func (k *kit) search(session, chat, words string) []string {
	k.Helper()
	q := store.MessageQuery{Session: session, Chats: []string{chat}, Search: words}
	all := k.messageIDs(q, 100)
	k.Equal(all, k.messageIDs(q, 1), "search %q by pages", words)
	return all
}

var searchCases = []testCase{
	{"words and their beginnings", func(k *kit) {
		k.session("s")
		for i, words := range []string{
			"Hello world, how are you?", "El ÑANDÚ corrió muy rápido", "日本語のテキスト", "pizza Zoo zzz z", "a1b2 2024-05-06",
			"Straße über alles", "x_y snake.case http://example.org/path", "ﬁne ligature Ⅷ", "Привет Мир", "مرحبا بالعالم",
			"HELLO again", "", "!!! ...", "zy0123456789abcdef s1", "ⲁⲃⲅ ꭰꭱ 𞤀𞤁 𝟘𝟙", "not UTF-8: w\xffrd",
		} {
			k.putMessages("s", text("c", "p", fmt.Sprint(i), at(i), words))
		}
		for search, want := range map[string]string{
			"hello": "10 0", "HEL": "10 0", "hello world": "0", "world hello": "0", "hello hello": "10 0", "ello": "", "helloo": "",
			"nandu": "1", "ñandú": "1", "nand corrio": "1", "rapi": "1", "日本": "2", "日": "2", "本": "",
			"z": "13 3", "zz": "3", "zzz": "3", "zzzz": "", "zo piz": "3", "zy": "13", "zy0": "13",
			"2024": "4", "20": "4", "05 2024": "4", "a1": "4", "uber": "5", "über": "5", "stra": "5",
			"snake": "6", "case": "6", "x y": "6", "example.org": "6", "fine": "7", "fi": "7", "при": "8", "мир": "8", "مرح": "9",
			`"hello`: "10 0", "hel*": "10 0", "hello OR nandu": "", "hello NOT world": "", "^hello": "10 0", "hello AND world": "",
			".*": "15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0", "w": "15 0", "rd": "15", "word": "", "ⲁⲃ": "14", "𞤢": "14", "01": "14",
		} {
			k.Equal(strings.Fields(want), k.search("s", "c", search), "search %q", search)
		}
	}},
	{"only this chat and this session", func(k *kit) {
		for _, session := range []string{"s", "s2"} {
			k.session(session)
			for _, chat := range []string{"c", "c2", ""} {
				k.putMessages(session, text(chat, "p", session+"/"+chat, at(0), "needle in "+session))
			}
		}
		k.Equal([]string{"s/c"}, k.search("s", "c", "needle"))
		k.Equal([]string{"s2/c2"}, k.search("s2", "c2", "nee"))
		k.Equal([]string{"s/"}, k.search("s", "", "needle"))
		k.Empty(k.search("s", "c3", "needle"))
		k.Empty(k.search("s3", "c", "needle"))
		k.Empty(k.search("s", "c", "s2"))
	}},
	{"follows edits", func(k *kit) {
		k.session("s")
		m := text("c", "p", "m", at(0), "apple banana")
		k.putMessages("s", m, text("c", "p", "n", at(1), "apple"))
		k.update("s", store.MessageUpdate{Key: m.MessageKey, Body: says("banana cherry")})
		k.Equal([]string{"n"}, k.search("s", "c", "apple"))
		k.Equal([]string{"m"}, k.search("s", "c", "banana"))
		k.Equal([]string{"m"}, k.search("s", "c", "cherry"))
		k.update("s", store.MessageUpdate{Key: m.MessageKey, Body: says("")})
		k.Empty(k.search("s", "c", "banana"))
		k.update("s", store.MessageUpdate{Key: m.MessageKey, Body: says("back")})
		k.Equal([]string{"m"}, k.search("s", "c", "back"))
	}},
	{"with filters, newest first", func(k *kit) {
		k.session("s")
		for i := range 6 {
			m := text("c", "p", fmt.Sprint(i), at(i), "needle")
			m.FromMe = i%2 == 0
			k.putMessages("s", m)
		}
		k.Equal([]string{"5", "4", "3", "2", "1", "0"}, k.search("s", "c", "needle"))
		got := k.messageIDs(store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: "need", FromMe: ptr(true), Before: at(4), After: at(0)}, 2)
		k.Equal([]string{"2"}, got)
	}},
	{"many and long words", func(k *kit) {
		k.session("s")
		var words []string
		for i := range store.MaxWords + 50 {
			words = append(words, fmt.Sprint("w", i, "x"))
		}
		all := strings.Join(words, " ")
		long := strings.Repeat("é", 200)
		k.putMessages("s", text("c", "p", "many", at(0), all), text("c", "p", "long", at(1), long))
		k.Equal([]string{"many"}, k.search("s", "c", all))
		k.Equal([]string{"many"}, k.search("s", "c", fmt.Sprint("w", store.MaxWords-1)))
		k.Empty(k.search("s", "c", fmt.Sprint("w", store.MaxWords, "x")))
		k.Equal([]string{"long"}, k.search("s", "c", long))
		k.Equal([]string{"long"}, k.search("s", "c", "eee"))
	}},
}
