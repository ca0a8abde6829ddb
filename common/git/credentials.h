#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret_text.h"
#include "common/git/secret_data.h"
#include "common/git/url_policy.h"

namespace committest::git {

/// A user name and a password, or an access token in the password's place.
struct BasicCredentials {
  std::string username;
  SecretText password;

  bool operator==(const BasicCredentials&) const = default;
};

/// A token that is sent as "Authorization: Bearer".
struct BearerCredentials {
  SecretText token;

  bool operator==(const BearerCredentials&) const = default;
};

/// A private key, and the keys by which the server proves itself.
struct SshCredentials {
  SecretText private_key;   ///< PEM or OpenSSH's own format, without a passphrase.
  std::string known_hosts;  ///< As in sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

  bool operator==(const SshCredentials&) const = default;
};

/// A GitHub App that is installed for the repository.
struct GithubAppCredentials {
  std::string app_id;
  std::string installation_id;
  SecretText private_key;  ///< RSA, PEM.
  std::string api_url;     ///< "https://api.github.com" or the API of a GitHub Enterprise Server.

  bool operator==(const GithubAppCredentials&) const = default;
};

/// What the Secret named by `spec.credentialsSecretName` holds.
struct Credentials {
  std::variant<BasicCredentials, BearerCredentials, SshCredentials, GithubAppCredentials> kind;
  /// PEM with the only authorities that may vouch for the repository's host. Empty: those of the
  /// installation.
  std::string ca_pem;
  std::string host;  ///< The only host that gets them; empty: the host of whoever names the Secret.

  bool operator==(const Credentials&) const = default;
};

/// Reads a Secret by this table; `name` is for messages.
///
///   type                       keys                               optional
///   kubernetes.io/basic-auth   username, password                 ca.crt, host
///   kubernetes.io/ssh-auth     ssh-privatekey, known_hosts        ca.crt, host
///   Opaque                     token                              ca.crt, host
///   Opaque                     appID, installationID, privateKey  ca.crt, host, apiURL
///
/// Keys of two kinds are an error; keys that no kind knows are left alone. One line end at the end
/// of a name, password or token is not part of it.
///
/// kInvalidArgument with the reason CredentialsInvalid names the Secret, the key and what was
/// expected, never a value. Pure and total.
Result<Credentials> ParseCredentials(std::string_view name, const SecretData& secret);

/// Whether the credentials are for this URL: for its host, if they name one; keys for ssh, everything
/// else for https or http, and the API of a GitHub App at api.github.com or at the repository's own origin. Errors as
/// of `ParseCredentials`.
Status CheckFit(std::string_view name, const Credentials& credentials, const GitUrl& url);

/// What one access to a Git server needs. Holds secrets; lives as long as the look that it is for.
struct Access {
  std::string secret_name;            ///< Empty: without credentials.
  SecretText authorization;           ///< Value of the Authorization header; empty: none.
  std::string ca_pem;                 ///< As in `Credentials`.
  std::optional<SshCredentials> ssh;  ///< For ssh:// only.
  SecretText proxy_url;               ///< Of the proxy to go through; empty: none.
  /// What must not be seen of all this, in every form in which it goes over the wire.
  std::vector<SecretText> secrets;

  /// `text` with "***" wherever a server, or a program of ours, repeats one of the secrets.
  std::string Scrub(std::string_view text) const;

  bool operator==(const Access&) const = default;
};

/// Access by what the Secret itself holds. REQUIRES: not a GitHub App, whose access takes a token
/// that GitHub gives out: `AccessByToken`.
Access AccessBy(std::string_view name, const Credentials& credentials);
/// Access by an installation token of a GitHub App.
Access AccessByToken(std::string_view name, const Credentials& credentials,
                     const SecretText& token);

}  // namespace committest::git
