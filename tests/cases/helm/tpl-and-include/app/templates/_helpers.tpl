{{- /* names */ -}}
{{- define "tpls.fullname" -}}
{{ .Release.Name }}-{{ .Chart.Name }}
{{- end }}
{{- define "tpls.loop" -}}
{{- if gt (int .n) 0 -}}{{ .n }},{{ include "tpls.loop" (dict "n" (sub (int .n) 1)) }}{{- end -}}
{{- end }}
{{- define "tpls.env" }}
{{- range .Values.env }}
- name: {{ .name }}
  value: {{ tpl .value $ | quote }}
{{- end }}
{{- end }}
