#pragma once

#include <array>

namespace committest::op {

enum class SettingType { kText, kTexts, kFlag };

/// One setting: `--name` on the command line, `name:` in the file.
struct Setting {
  const char* name;
  SettingType type;
  const char* help;
};

inline constexpr std::array kSettings{
    Setting{"namespace", SettingType::kTexts,
            "A namespace to work in; may be given again. Without it: all namespaces"},
    Setting{"kubeconfig", SettingType::kText,
            "The kubeconfig file; without it $KUBECONFIG, the Pod's service account or "
            "~/.kube/config"},
    Setting{"context", SettingType::kText, "The context of the kubeconfig file"},
    Setting{"runner-image", SettingType::kText,
            "The image of the Pods that run tests, if a CommitTest names none"},
    Setting{"runner-service-account", SettingType::kText,
            "The service account of these Pods; empty for the namespace's default"},
    Setting{"runner-cpu-request", SettingType::kText, "Their CPU request, such as 250m"},
    Setting{"runner-cpu-limit", SettingType::kText, "Their CPU limit, such as 1"},
    Setting{"runner-memory", SettingType::kText, "Their memory request and limit, such as 512Mi"},
    Setting{"runner-ephemeral-storage", SettingType::kText,
            "Their disk request and limit, such as 2Gi"},
    Setting{"max-running", SettingType::kText,
            "How many CommitTests may run at a time in all repositories; 0 for no limit. The "
            "default is 100"},
    Setting{"finished-job-ttl-seconds", SettingType::kText,
            "How long a Job and its Pod stay after the verdict, so that kubectl logs works; at "
            "least 600. The default is 3600"},
    Setting{"leader-elect", SettingType::kFlag,
            "Work only while holding a Lease, so that several replicas can run"},
    Setting{"lease-namespace", SettingType::kText,
            "The namespace of the Lease; without it the operator's own"},
    Setting{"lease-name", SettingType::kText, "The name of the Lease"},
    Setting{"http-address", SettingType::kText,
            "Where /livez, /readyz and /metrics are served: host:port or :port"},
    Setting{"log-level", SettingType::kText, "debug, info, warning or error"},
    Setting{"log-format", SettingType::kText, "text or json"},
    Setting{"workers", SettingType::kText, "How many CommitTests are worked on at once, 1 to 64"},
};

}  // namespace committest::op
