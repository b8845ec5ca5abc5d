{{ range . }}{{ if ne .Name "whatsapp-api" }}
== {{ .Name }} {{ .Version }} ({{ .LicenseName }})

{{ .LicenseText }}
{{ end }}{{ end }}
