{{ range . }}{{ if and (ne .Name "whatsapp-api") (ne .Name "whatsapp-api/cmd/whatsapp-api") }}
== {{ .Name }} {{ .Version }} ({{ .LicenseName }})

{{ .LicenseText }}
{{ end }}{{ end }}
