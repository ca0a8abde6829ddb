{{/*
The name that all names of the release begin with: "committest" for a release of that name, else
"<release>-committest". Cut so that the longest suffix fits behind it within 63 characters.
*/}}
{{- define "committest.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 37 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 37 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/*
Labels that select a component's Pods; they never change. Call with (dict "root" $ "component" "operator").
*/}}
{{- define "committest.selectorLabels" -}}
app.kubernetes.io/name: committest
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of every object. Call as committest.selectorLabels. */}}
{{- define "committest.labels" -}}
{{ include "committest.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* A component's whole image name. Call with (dict "root" $ "component" "operator"). */}}
{{- define "committest.image" -}}
{{- $image := .root.Values.image -}}
{{- $own := (index .root.Values .component).image -}}
{{- if $own.digest -}}
{{- printf "%s/%s@%s" $image.registry $own.repository $own.digest -}}
{{- else -}}
{{- printf "%s/%s:%s" $image.registry $own.repository ($image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{/* The ServiceAccount of a component. Call with (dict "root" $ "component" "operator"). */}}
{{- define "committest.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if and (not $account.create) (not $account.name) -}}
{{- fail (printf "%s.serviceAccount.name must be given if %s.serviceAccount.create is false" .component .component) -}}
{{- end -}}
{{- $account.name | default (printf "%s-%s" (include "committest.fullname" .root) .component) -}}
{{- end }}

{{/* The ServiceAccount itself, unless somebody else makes it. Call as committest.serviceAccountName. */}}
{{- define "committest.serviceAccount" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "committest.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "committest.labels" . | nindent 4 }}
  {{- with $account.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}
{{- end }}

{{/* Labels and annotations of a component's Pods. Call as committest.serviceAccountName. */}}
{{- define "committest.podMetadata" -}}
{{- $values := index .root.Values .component -}}
labels:
  {{- include "committest.selectorLabels" . | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What both Deployments' Pods have in common. Call with (dict "root" $ "component" "operator"). */}}
{{- define "committest.podSettings" -}}
{{- $values := index .root.Values .component -}}
serviceAccountName: {{ include "committest.serviceAccountName" . }}
enableServiceLinks: false
terminationGracePeriodSeconds: 30
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What both Deployments' containers have in common. Call as committest.podSettings. */}}
{{- define "committest.containerSettings" -}}
{{- $values := index .root.Values .component -}}
image: {{ include "committest.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
ports:
  - {name: http, containerPort: 8080}
# A start takes as long as the API server needs to answer; only then do the other two probes begin.
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 3
resources: {{- toYaml $values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The variables of the proxies that are given as values. Call with observer.proxy. */}}
{{- define "committest.proxies" -}}
{{- $values := list -}}
{{- range $variable, $value := dict "HTTPS_PROXY" .httpsProxy "HTTP_PROXY" .httpProxy "NO_PROXY" .noProxy -}}
{{- if $value -}}
{{- $values = append $values (dict "name" $variable "value" $value) -}}
{{- end -}}
{{- end -}}
{{- with $values }}{{ toYaml . }}{{ end -}}
{{- end }}

{{/* Flags that both programs have. Call as committest.podSettings. */}}
{{- define "committest.commonArgs" -}}
{{- range .root.Values.runNamespaces -}}
- --namespace={{ . }}
{{ end -}}
- --http-address=0.0.0.0:8080
- --workers={{ (index .root.Values .component).workers }}
- --log-level={{ .root.Values.logLevel }}
- --log-format={{ .root.Values.logFormat }}
{{- end }}
