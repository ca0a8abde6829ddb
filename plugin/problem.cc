#include "plugin/problem.h"

#include "common/base/strings.h"
#include "plugin/similar.h"

namespace committest::plugin {
namespace {

std::string NotFound(const Attempted& attempted) {
  if (!attempted.kind_is_there) {
    return "this cluster has no CommitTests: committest is not installed in it (its CRDs are "
           "missing)\n"
           "  Install it with Helm or kubectl apply -f manifests/install.yaml, or choose another "
           "cluster with --context.";
  }
  const std::string space = OneLine(attempted.namespace_);
  std::string text =
      "there is no CommitTest " +
      (attempted.name.empty() ? std::string() : "'" + OneLine(attempted.name) + "' ") +
      "in the namespace '" + space + "'";
  const auto similar = SimilarNames(attempted.name, attempted.names);
  if (!attempted.name.empty() && !similar.empty()) {
    text += "\n  Did you mean";
    for (const std::string& name : similar) text += "\n    " + OneLine(name);
    return text;
  }
  return text + "\n  kubectl get committests -n " + space +
         " lists those that are there; -n chooses another namespace.";
}

std::string Denied(const Error& error, const Attempted& attempted) {
  return OneLine(error.message) +
         "\n  You lack the right that is named above. The ClusterRoles view (to look), and edit or "
         "admin (to\n  run, rerun, cancel) hold it where the chart's aggregateRoles is on: ask who "
         "administers the\n  cluster for one of them in the namespace '" +
         OneLine(attempted.namespace_) + "'.";
}

}  // namespace

std::string ProblemText(const Error& error, const Attempted& attempted) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return NotFound(attempted);
    case ErrorCode::kPermissionDenied:
      return Denied(error, attempted);
    case ErrorCode::kUnauthenticated:
      return OneLine(error.message) +
             "\n  The server does not take these credentials; kubectl auth whoami tells which they "
             "are.";
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return OneLine(error.message) + "\n  Does the API server answer? " +
             OneLine(attempted.server) + " is that of the context; --context chooses another.";
    default:
      return OneLine(error.message);
  }
}

}  // namespace committest::plugin
