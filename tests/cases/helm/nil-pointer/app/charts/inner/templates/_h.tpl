{{- define "inner.deep" -}}
value: {{ .Values.a.b.c }}
{{- end -}}
