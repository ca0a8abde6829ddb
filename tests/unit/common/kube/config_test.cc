#include "common/kube/config.h"

#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace committest::kube {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::WriteTestFile;

constexpr char kFile[] = "/etc/kube/config";

// A kubeconfig with one context, cluster and user; the arguments are YAML flow maps' insides.
std::string Kubeconfig(const std::string& cluster = "server: 'https://h:6443'",
                       const std::string& user = "token: secret-token") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
         "contexts:\n- name: main\n  context: {cluster: c, user: u, namespace: team}\n"
         "- name: other\n  context: {cluster: c2, user: u}\n"
         "clusters:\n- name: c\n  cluster: {" +
         cluster +
         "}\n- name: c2\n  cluster: {server: 'http://other:80/base/'}\n"
         "users:\n- name: u\n  user: {" +
         user + "}\n";
}

// The error of a kubeconfig that is wrong.
std::string MessageOf(const std::string& text, const std::string& context = "") {
  const auto config = ParseKubeconfig(text, kFile, context);
  EXPECT_FALSE(config);
  if (config) return "";
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
  return config.error().message;
}

TEST(ParseKubeconfig, ReadsTheCurrentContext) {
  const auto config = ParseKubeconfig(Kubeconfig(), kFile, "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://h:6443");
  EXPECT_EQ(config->base_path, "");
  EXPECT_EQ(config->namespace_, "team");
  EXPECT_EQ(config->token.inline_text, "secret-token");
  EXPECT_TRUE(config->ca.Empty());
  EXPECT_TRUE(config->client_certificate.Empty());
}

TEST(ParseKubeconfig, ReadsANamedContextAndItsBasePath) {
  const auto config = ParseKubeconfig(Kubeconfig(), kFile, "other");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "http://other:80");
  EXPECT_EQ(config->base_path, "/base");
  EXPECT_EQ(config->namespace_, "");
}

TEST(ParseKubeconfig, DecodesEmbeddedCertificates) {
  const auto config =
      ParseKubeconfig(Kubeconfig("server: 'https://h', certificate-authority-data: Y2E=, "
                                 "certificate-authority: ignored",
                                 "client-certificate-data: Y3J0, client-key-data: a2V5"),
                      kFile, "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca.inline_text, "ca");
  EXPECT_EQ(config->ca.file, "");
  EXPECT_EQ(config->client_certificate.inline_text, "crt");
  EXPECT_EQ(config->client_key.inline_text, "key");
}

TEST(ParseKubeconfig, TakesPathsFromTheFolderOfTheFile) {
  const auto config = ParseKubeconfig(
      Kubeconfig("server: 'https://h', certificate-authority: ../ca.pem",
                 "client-certificate: pki/c.pem, client-key: /abs/k.pem, tokenFile: t, token: x"),
      kFile, "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca.file, "/etc/ca.pem");
  EXPECT_EQ(config->client_certificate.file, "/etc/kube/pki/c.pem");
  EXPECT_EQ(config->client_key.file, "/abs/k.pem");
  EXPECT_EQ(config->token.file, "/etc/kube/t");
  EXPECT_EQ(config->token.inline_text, "");
}

TEST(ParseKubeconfig, RefusesWhatItCannotDoWithAdvice) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"users[u].user.exec.interactiveMode",
       Kubeconfig("server: 'https://h'",
                  "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, "
                  "interactiveMode: Always}")},
      {"users[u].user.auth-provider",
       Kubeconfig("server: 'https://h'", "auth-provider: {name: x}")},
      {"users[u].user.username", Kubeconfig("server: 'https://h'", "username: a, password: b")},
      {"users[u].user.as", Kubeconfig("server: 'https://h'", "as: admin, token: t")},
      {"clusters[c].cluster.insecure-skip-tls-verify",
       Kubeconfig("server: 'https://h', insecure-skip-tls-verify: true")},
      {"clusters[c].cluster.proxy-url", Kubeconfig("server: 'https://h', proxy-url: 'http://p'")},
      {"clusters[c].cluster.tls-server-name",
       Kubeconfig("server: 'https://h', tls-server-name: name")}};
  for (const auto& [field, text] : rows) {
    SCOPED_TRACE(field);
    EXPECT_THAT(MessageOf(text), AllOf(HasSubstr(kFile), HasSubstr(field + " is not supported: ")));
  }
}

TEST(ParseKubeconfig, ReadsWhoGivesCredentials) {
  const auto config = ParseKubeconfig(
      Kubeconfig("server: 'https://h'",
                 "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, "
                 "args: [eks, get-token], env: [{name: AWS_PROFILE, value: dev}], "
                 "installHint: Install aws., provideClusterInfo: true, interactiveMode: Never}"),
      kFile, "");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->exec);
  EXPECT_EQ(config->exec->api_version, "client.authentication.k8s.io/v1beta1");
  EXPECT_EQ(config->exec->command, "aws");
  EXPECT_EQ(config->exec->arguments, (std::vector<std::string>{"eks", "get-token"}));
  EXPECT_EQ(config->exec->environment,
            (std::vector<std::pair<std::string, std::string>>{{"AWS_PROFILE", "dev"}}));
  EXPECT_EQ(config->exec->install_hint, "Install aws.");
  EXPECT_TRUE(config->exec->provide_cluster_info);
}

TEST(ParseKubeconfig, TakesAProgramFromTheFolderOfTheFile) {
  const auto config =
      ParseKubeconfig(Kubeconfig("server: 'https://h'",
                                 "exec: {apiVersion: client.authentication.k8s.io/v1, "
                                 "command: ./login}"),
                      kFile, "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->exec->command, "/etc/kube/login");
}

TEST(ParseKubeconfig, AcceptsRefusedFieldsThatAreOff) {
  EXPECT_TRUE(ParseKubeconfig(
      Kubeconfig("server: 'https://h', insecure-skip-tls-verify: false, proxy-url: ''",
                 "token: t, exec: null"),
      kFile, ""));
}

TEST(ParseKubeconfig, NamesTheFieldThatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"server is not a text", Kubeconfig("server: [a]")},
      {"clusters[c].cluster.server is not of the form", Kubeconfig("server: 'h:6443'")},
      {"clusters[c].cluster.server is not of the form", Kubeconfig("x: y")},
      {"certificate-authority-data is not base64",
       Kubeconfig("server: 'https://h', certificate-authority-data: '*'")},
      {"users[u].user has only one of client-certificate and client-key",
       Kubeconfig("server: 'https://h'", "client-key: k")},
      {"users[u].user.exec is not a map", Kubeconfig("server: 'https://h'", "exec: aws")},
      {"users[u].user.exec.command is missing",
       Kubeconfig("server: 'https://h'", "exec: {apiVersion: client.authentication.k8s.io/v1}")},
      {"users[u].user.exec.apiVersion is 'v1', expected client.authentication.k8s.io/v1",
       Kubeconfig("server: 'https://h'", "exec: {apiVersion: v1, command: aws}")},
      {"token is not a text", Kubeconfig("server: 'https://h'", "token: {a: b}")},
      {"current-context is empty", "kind: Config\n"},
      {"contexts has no entry 'main'", "current-context: main\ncontexts: []\n"},
      {"contexts[main].context is not a map", "current-context: main\ncontexts: [{name: main}]\n"}};
  for (const auto& [what, text] : rows) {
    SCOPED_TRACE(what);
    EXPECT_THAT(MessageOf(text), HasSubstr(what));
  }
  EXPECT_THAT(MessageOf(Kubeconfig(), "absent"), HasSubstr("contexts has no entry 'absent'"));
}

TEST(ParseKubeconfig, RefusesWhatIsNoYamlMap) {
  for (const char* text : {"", "- a", "text", "{", "a: b: c", "\t"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(MessageOf(text), HasSubstr("not a kubeconfig"));
  }
}

class LoadConfigTest : public ::testing::Test {
 protected:
  ConfigSources Sources() {
    ConfigSources sources;
    sources.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::optional<std::string>(it->second);
    };
    sources.service_account_folder = ServiceAccount();
    return sources;
  }

  std::string ServiceAccount() const { return folder_.path() / "serviceaccount"; }

  std::string WriteConfig(const std::string& name, const std::string& host) {
    const auto file = folder_.path() / name;
    WriteTestFile(file, Kubeconfig("server: 'https://" + host + "'"));
    return file;
  }

  void MountServiceAccount() {
    environment_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
    environment_["KUBERNETES_SERVICE_PORT"] = "443";
    WriteTestFile(ServiceAccount() + "/token", "pod-token");
    WriteTestFile(ServiceAccount() + "/ca.crt", "ca");
    WriteTestFile(ServiceAccount() + "/namespace", "ci-system\n");
  }

  void WriteHome() {
    environment_["HOME"] = folder_.path();
    WriteConfig(".kube/config", "home");
  }

  const TemporaryFolder folder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(LoadConfigTest, FlagCountsBeforeAllElse) {
  environment_["KUBECONFIG"] = WriteConfig("variable", "variable");
  MountServiceAccount();
  WriteHome();
  EXPECT_EQ(LoadConfig({WriteConfig("flag", "flag"), ""}, Sources())->server, "https://flag");
}

TEST_F(LoadConfigTest, VariableCountsBeforeTheServiceAccount) {
  environment_["KUBECONFIG"] = ":" + WriteConfig("variable", "variable") + ":";
  MountServiceAccount();
  EXPECT_EQ(LoadConfig({}, Sources())->server, "https://variable");
}

TEST_F(LoadConfigTest, ServiceAccountCountsBeforeTheHomeFolder) {
  MountServiceAccount();
  WriteHome();
  const auto config = LoadConfig({}, Sources());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.0.0.1:443");
  EXPECT_EQ(config->namespace_, "ci-system");
  EXPECT_EQ(config->token.file, ServiceAccount() + "/token");
  EXPECT_EQ(config->ca.file, ServiceAccount() + "/ca.crt");
}

TEST_F(LoadConfigTest, HomeFolderIsTheLastResort) {
  WriteHome();
  EXPECT_EQ(LoadConfig({}, Sources())->server, "https://home");
}

TEST_F(LoadConfigTest, NothingAtAllIsNotFoundAndSaysWhatToDo) {
  const auto config = LoadConfig({}, Sources());
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("--kubeconfig"));
}

TEST_F(LoadConfigTest, SeveralFilesInTheVariableAreRefused) {
  environment_["KUBECONFIG"] = "/a:/b";
  const auto config = LoadConfig({}, Sources());
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("KUBECONFIG names several files"));
}

// Two files that hold a half each, and one that is not there, as kubectl takes them.
TEST_F(LoadConfigTest, AUsersFilesAreMergedAndTheFirstCounts) {
  const std::string first = folder_.path() / "first";
  const std::string second = folder_.path() / "second";
  WriteTestFile(first,
                "contexts:\n- name: dev\n  context: {cluster: c, user: u, namespace: mine}\n"
                "users:\n- name: u\n  user: {tokenFile: token}\n");
  WriteTestFile(second,
                "current-context: dev\n"
                "contexts:\n- name: dev\n  context: {cluster: other, user: other}\n"
                "clusters:\n- name: c\n  cluster: {server: 'https://h:6443'}\n");
  environment_["KUBECONFIG"] = first + ":/absent::" + second;
  const auto config = LoadUserConfig({}, Sources());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://h:6443");
  EXPECT_EQ(config->namespace_, "mine");
  EXPECT_EQ(config->token.file, (folder_.path() / "token").string());
}

TEST_F(LoadConfigTest, AUsersOwnFileGoesBeforeThePodsAccount) {
  environment_["HOME"] = folder_.path();
  std::filesystem::create_directory(folder_.path() / ".kube");
  WriteTestFile(folder_.path() / ".kube/config", Kubeconfig("server: 'https://own:1'"));
  environment_["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  const auto config = LoadUserConfig({}, Sources());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://own:1");
}

TEST_F(LoadConfigTest, AUserWithoutAnyIsToldWhatThereMayBe) {
  environment_["HOME"] = folder_.path();
  const auto config = LoadUserConfig({}, Sources());
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("--kubeconfig"));
}

TEST_F(LoadConfigTest, AbsentFileIsNamed) {
  const auto config = LoadConfig({"/absent/config", ""}, Sources());
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("/absent/config: no such file"));
}

TEST_F(LoadConfigTest, FileBeyondOneMebibyteIsRefused) {
  const auto file = folder_.path() / "large";
  WriteTestFile(file, Kubeconfig() + "# " + std::string(1024 * 1024, 'x'));
  const auto config = LoadConfig({file, ""}, Sources());
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("larger than 1048576 bytes"));
}

TEST_F(LoadConfigTest, IncompleteServiceAccountNamesWhatIsMissing) {
  MountServiceAccount();
  std::filesystem::remove(ServiceAccount() + "/ca.crt");
  const auto config = LoadConfig({}, Sources());
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("ca.crt: no such file"));
}

TEST_F(LoadConfigTest, ServiceOverIpv6IsReachedByItsName) {
  MountServiceAccount();
  environment_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  EXPECT_EQ(LoadConfig({}, Sources())->server, "https://kubernetes.default.svc:443");
}

}  // namespace
}  // namespace committest::kube
