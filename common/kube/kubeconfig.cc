#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "common/base/strings.h"
#include "common/kube/base64.h"
#include "common/kube/config.h"

namespace committest::kube {
namespace {

// One kubeconfig file (the v1 Config of k8s.io/client-go/tools/clientcmd), read field by field.
struct Refusal {
  const char* field;
  const char* advice;
};

constexpr std::array<std::string_view, 2> kExecVersions{"client.authentication.k8s.io/v1",
                                                        "client.authentication.k8s.io/v1beta1"};

class Reader {
 public:
  Reader(const YAML::Node& root, std::string file) : root_(root), file_(std::move(file)) {}

  Error Wrong(const std::string& field, const std::string& what) const {
    return {ErrorCode::kInvalidArgument, file_ + ": " + field + " " + what, {}, std::nullopt};
  }

  Result<std::string> CurrentContext() const { return Text(root_, "current-context"); }

  /// Whether the list has an entry of this name.
  bool Has(const std::string& list, const std::string& name) const {
    return FindEntry(list, name).has_value();
  }

  /// Also says which cluster and user the context names.
  Status ReadContext(const std::string& context, ClusterConfig& config, std::string& cluster,
                     std::string& user) const {
    const auto chosen = Entry("contexts", context, "context");
    if (!chosen) return Fail(chosen.error());
    const auto cluster_name = Text(*chosen, "cluster");
    const auto user_name = Text(*chosen, "user");
    const auto space = Text(*chosen, "namespace");
    for (const auto* text : {&cluster_name, &user_name, &space}) {
      if (!*text) return Fail(Context("contexts[" + context + "]", text->error()));
    }
    cluster = *cluster_name;
    user = *user_name;
    config.namespace_ = *space;
    return {};
  }

  Status ReadCluster(const std::string& name, ClusterConfig& config) const {
    static constexpr std::array<Refusal, 3> kRefused{
        {{"insecure-skip-tls-verify", "give the server's CA in certificate-authority-data"},
         {"proxy-url", "the API server must be reachable without a proxy"},
         {"tls-server-name", "use a server URL with a name that its certificate holds"}}};
    const std::string where = "clusters[" + name + "].cluster";
    const auto cluster = Entry("clusters", name, "cluster");
    if (!cluster) return Fail(cluster.error());
    if (Status refused = Refuse(*cluster, where, kRefused); !refused) return refused;
    const auto server = Text(*cluster, "server");
    if (!server) return Fail(Context(where, server.error()));
    if (Status split = SplitServer(*server, where, config); !split) return split;
    auto ca = ReadMaterial(*cluster, where, "certificate-authority");
    if (!ca) return Fail(ca.error());
    config.ca = std::move(*ca);
    return {};
  }

  Status ReadUser(const std::string& name, ClusterConfig& config) const {
    static constexpr std::array<Refusal, 4> kRefused{
        {{"auth-provider", "write a token or a client certificate into the file instead"},
         {"username", "passwords are not accepted by API servers since Kubernetes 1.19"},
         {"password", "passwords are not accepted by API servers since Kubernetes 1.19"},
         {"as", "use credentials of that user instead of impersonation"}}};
    if (name.empty()) return {};
    const std::string where = "users[" + name + "].user";
    const auto user = Entry("users", name, "user");
    if (!user) return Fail(user.error());
    if (Status refused = Refuse(*user, where, kRefused); !refused) return refused;
    auto certificate = ReadMaterial(*user, where, "client-certificate");
    if (!certificate) return Fail(certificate.error());
    auto key = ReadMaterial(*user, where, "client-key");
    if (!key) return Fail(key.error());
    if (certificate->Empty() != key->Empty()) {
      return Fail(Wrong(where, "has only one of client-certificate and client-key"));
    }
    config.client_certificate = std::move(*certificate);
    config.client_key = std::move(*key);
    const auto token = Text(*user, "token");
    const auto token_file = Text(*user, "tokenFile");
    if (!token) return Fail(Context(where, token.error()));
    if (!token_file) return Fail(Context(where, token_file.error()));
    // As client-go does, a file counts before a token in place: it can be rotated.
    if (!token_file->empty()) {
      config.token.file = Absolute(*token_file);
    } else {
      config.token.inline_text = Trim(*token);
    }
    return ReadExec(*user, where + ".exec", config);
  }

 private:
  Status ReadExec(const YAML::Node& user, const std::string& where, ClusterConfig& config) const {
    const YAML::Node exec = user["exec"];
    if (!exec || exec.IsNull()) return {};
    if (!exec.IsMap()) return Fail(Wrong(where, "is not a map"));
    ExecProvider provider;
    std::string mode;
    for (const auto& [member, text] : {std::pair{"apiVersion", &provider.api_version},
                                       {"command", &provider.command},
                                       {"installHint", &provider.install_hint},
                                       {"interactiveMode", &mode}}) {
      auto read = Text(exec, member);
      if (!read) return Fail(Context(where, read.error()));
      *text = *std::move(read);
    }
    if (provider.command.empty()) return Fail(Wrong(where + ".command", "is missing"));
    if (std::ranges::find(kExecVersions, provider.api_version) == kExecVersions.end()) {
      return Fail(Wrong(where + ".apiVersion", "is '" + provider.api_version +
                                                   "', expected client.authentication.k8s.io/v1"));
    }
    if (mode == "Always") {
      return Fail(Wrong(where + ".interactiveMode",
                        "is not supported: 'Always'; log in with kubectl first and use "
                        "IfAvailable"));
    }
    // A bare name is looked for in PATH, as client-go does.
    if (provider.command.find('/') != std::string::npos) {
      provider.command = Absolute(provider.command);
    }
    provider.provide_cluster_info = exec["provideClusterInfo"].as<bool>(false);
    for (const YAML::Node& argument : exec["args"]) {
      provider.arguments.push_back(argument.as<std::string>());
    }
    for (const YAML::Node& variable : exec["env"]) {
      provider.environment.emplace_back(variable["name"].as<std::string>(),
                                        variable["value"].as<std::string>());
    }
    config.exec = std::move(provider);
    return {};
  }

  // The scalar under `key`, or an empty text.
  Result<std::string> Text(const YAML::Node& map, const std::string& key) const {
    const YAML::Node node = map[key];
    if (!node || node.IsNull()) return std::string();
    if (!node.IsScalar()) return Fail(Wrong(key, "is not a text"));
    return node.as<std::string>();
  }

  std::optional<YAML::Node> FindEntry(const std::string& list, const std::string& name) const {
    const YAML::Node entries = root_[list];
    if (!entries || !entries.IsSequence()) return std::nullopt;
    for (const YAML::Node& entry : entries) {
      if (!entry.IsMap() || !entry["name"] || !entry["name"].IsScalar()) continue;
      if (entry["name"].as<std::string>() == name) return entry;
    }
    return std::nullopt;
  }

  // The map under `member` of the entry named `name` in the list `list`.
  Result<YAML::Node> Entry(const std::string& list, const std::string& name,
                           const std::string& member) const {
    const auto entry = FindEntry(list, name);
    if (!entry) return Fail(Wrong(list, "has no entry '" + name + "'"));
    YAML::Node value = (*entry)[member];
    if (!value || !value.IsMap()) {
      return Fail(Wrong(list + "[" + name + "]." + member, "is not a map"));
    }
    return value;
  }

  // `field`-data in base64, or `field` as a path.
  Result<Material> ReadMaterial(const YAML::Node& map, const std::string& where,
                                const std::string& field) const {
    const auto data = Text(map, field + "-data");
    const auto path = Text(map, field);
    if (!data) return Fail(Context(where, data.error()));
    if (!path) return Fail(Context(where, path.error()));
    Material material;
    if (!data->empty()) {  // As kubectl does, data counts before a path.
      auto decoded = DecodeBase64(*data);
      if (!decoded) return Fail(Wrong(where + "." + field + "-data", "is not base64"));
      material.inline_text = std::move(*decoded);
    } else if (!path->empty()) {
      material.file = Absolute(*path);
    }
    return material;
  }

  std::string Absolute(const std::string& path) const {
    const std::filesystem::path given(path);
    if (given.is_absolute()) return path;
    return (std::filesystem::path(file_).parent_path() / given).lexically_normal().string();
  }

  template <std::size_t n>
  Status Refuse(const YAML::Node& map, const std::string& where,
                const std::array<Refusal, n>& refusals) const {
    for (const Refusal& refusal : refusals) {
      const YAML::Node node = map[refusal.field];
      if (!node || node.IsNull()) continue;
      if (node.IsScalar() && (node.Scalar().empty() || node.Scalar() == "false")) continue;
      return Fail(
          Wrong(where + "." + refusal.field, std::string("is not supported: ") + refusal.advice));
    }
    return {};
  }

  Status SplitServer(const std::string& server, const std::string& where,
                     ClusterConfig& config) const {
    const auto scheme_end = server.find("://");
    const std::string scheme = server.substr(0, scheme_end);
    if (scheme_end == std::string::npos || (scheme != "https" && scheme != "http")) {
      return Fail(Wrong(where + ".server", "is not of the form https://host:port"));
    }
    const auto path = server.find('/', scheme_end + 3);
    config.server = server.substr(0, path);
    if (path != std::string::npos) config.base_path = server.substr(path);
    while (config.base_path.ends_with('/')) config.base_path.pop_back();
    return {};
  }

  YAML::Node root_;
  std::string file_;
};

using Readers = std::vector<Reader>;

// As kubectl merges files: of entries with the same name the first counts.
const Reader& HolderOf(const Readers& files, const std::string& list, const std::string& name) {
  const auto holder =
      std::ranges::find_if(files, [&](const Reader& file) { return file.Has(list, name); });
  return holder == files.end() ? files.front() : *holder;  // Whose error then says what is missing.
}

Result<std::string> CurrentContext(const Readers& files) {
  for (const Reader& file : files) {
    auto context = file.CurrentContext();
    if (!context || !context->empty()) return context;
  }
  return Fail(files.front().Wrong("current-context", "is empty; name a context"));
}

Result<ClusterConfig> Read(const Readers& files, std::string context) {
  if (context.empty()) {
    auto current = CurrentContext(files);
    if (!current) return Fail(current.error());
    context = *std::move(current);
  }
  ClusterConfig config;
  std::string cluster;
  std::string user;
  const Reader& holder = HolderOf(files, "contexts", context);
  if (Status read = holder.ReadContext(context, config, cluster, user); !read) {
    return Fail(read.error());
  }
  if (Status read = HolderOf(files, "clusters", cluster).ReadCluster(cluster, config); !read) {
    return Fail(read.error());
  }
  if (Status read = HolderOf(files, "users", user).ReadUser(user, config); !read) {
    return Fail(read.error());
  }
  return config;
}

Result<Reader> Load(const KubeconfigText& source) {
  try {
    const YAML::Node root = YAML::Load(source.text);
    if (root.IsMap()) return Reader(root, source.file);
    return Fail(ErrorCode::kInvalidArgument, source.file + ": not a kubeconfig (no YAML map)");
  } catch (const YAML::Exception& e) {
    return Fail(ErrorCode::kInvalidArgument, source.file + ": not a kubeconfig: " + e.what());
  }
}

}  // namespace

Result<ClusterConfig> ParseKubeconfigs(const std::vector<KubeconfigText>& sources,
                                       const std::string& context) {
  Readers files;
  for (const KubeconfigText& source : sources) {
    auto file = Load(source);
    if (!file) return Fail(std::move(file).error());
    files.push_back(*std::move(file));
  }
  if (files.empty()) return Fail(ErrorCode::kNotFound, "there is no kubeconfig");
  try {
    return Read(files, context);
  } catch (const YAML::Exception& e) {
    return Fail(ErrorCode::kInvalidArgument,
                sources.front().file + ": not a kubeconfig: " + e.what());
  }
}

Result<ClusterConfig> ParseKubeconfig(std::string_view text, const std::string& file,
                                      const std::string& context) {
  return ParseKubeconfigs({{std::string(text), file}}, context);
}

}  // namespace committest::kube
