#pragma once

namespace committest::api::reason {

// The closed list of reasons in conditions, attempts and runners' summaries. One CamelCase word
// each; docs/api.md says what each means and what to do.

// Admitted
inline constexpr const char* kAdmitted = "Admitted";
inline constexpr const char* kQueued = "Queued";
inline constexpr const char* kRepositoryNotReady = "RepositoryNotReady";

// Started
inline constexpr const char* kTestsRunning = "TestsRunning";
inline constexpr const char* kWaitingForPod = "WaitingForPod";
inline constexpr const char* kUnschedulable = "Unschedulable";
inline constexpr const char* kCheckoutInProgress = "CheckoutInProgress";
inline constexpr const char* kContainerCreating = "ContainerCreating";
inline constexpr const char* kImagePull = "ImagePull";
inline constexpr const char* kContainerConfig = "ContainerConfig";
inline constexpr const char* kQuotaExceeded = "QuotaExceeded";
inline constexpr const char* kAdmissionDenied = "AdmissionDenied";
inline constexpr const char* kRetrying = "Retrying";

// Completed
inline constexpr const char* kFinished = "Finished";
inline constexpr const char* kCancelled = "Cancelled";
inline constexpr const char* kSuperseded = "Superseded";

// Completed and Succeeded of what was Skipped
inline constexpr const char* kPathsUnaffected = "PathsUnaffected";
inline constexpr const char* kSkipRequested = "SkipRequested";

// Succeeded
inline constexpr const char* kTestsPassed = "TestsPassed";
inline constexpr const char* kPassedWithFlakes = "PassedWithFlakes";
inline constexpr const char* kTestsFailed = "TestsFailed";
inline constexpr const char* kNoTestsFound = "NoTestsFound";
inline constexpr const char* kReportInvalid = "ReportInvalid";
inline constexpr const char* kSetupFailed = "SetupFailed";
inline constexpr const char* kCheckoutFailed = "CheckoutFailed";
inline constexpr const char* kCommitGone = "CommitGone";
inline constexpr const char* kTimedOut = "TimedOut";
inline constexpr const char* kOutOfMemory = "OutOfMemory";
inline constexpr const char* kImagePullFailed = "ImagePullFailed";
inline constexpr const char* kStartTimeout = "StartTimeout";
inline constexpr const char* kConfigurationError = "ConfigurationError";
inline constexpr const char* kInfrastructureRetriesExhausted = "InfrastructureRetriesExhausted";
inline constexpr const char* kNameConflict = "NameConflict";
inline constexpr const char* kPending = "Pending";

// ResultsRecorded
inline constexpr const char* kNotConfigured = "NotConfigured";

// Infrastructure failures of one attempt
inline constexpr const char* kJobDeleted = "JobDeleted";
inline constexpr const char* kPodLost = "PodLost";
inline constexpr const char* kDisrupted = "Disrupted";
inline constexpr const char* kResultLost = "ResultLost";
inline constexpr const char* kDeadlineExceeded = "DeadlineExceeded";

// A runner's own end, with exit code 50 (runner-image/CONTRACT.md); kInternalError is an
// ObservedRepository's, too
inline constexpr const char* kTerminated = "Terminated";
inline constexpr const char* kInternalError = "InternalError";

// Admitted of a CommitTest, and Ready of an ObservedRepository
inline constexpr const char* kSuspended = "Suspended";

// Ready of an ObservedRepository
inline constexpr const char* kObserving = "Observing";
inline constexpr const char* kNoMatchingRefs = "NoMatchingRefs";
inline constexpr const char* kInvalidSpec = "InvalidSpec";
inline constexpr const char* kUnreachable = "Unreachable";
inline constexpr const char* kCommitsUnreadable = "CommitsUnreadable";
inline constexpr const char* kCreateFailed = "CreateFailed";
inline constexpr const char* kCredentialsInvalid = "CredentialsInvalid";
inline constexpr const char* kCredentialsUnavailable = "CredentialsUnavailable";

// Reachable of an ObservedRepository; when False also the name of an ErrorCode
inline constexpr const char* kAnswered = "Answered";
inline constexpr const char* kRedirected = "Redirected";
inline constexpr const char* kAddressRefused = "AddressRefused";
inline constexpr const char* kHostKeyRefused = "HostKeyRefused";
inline constexpr const char* kProxyFailed = "ProxyFailed";

// WebhookHealthy of an ObservedRepository
inline constexpr const char* kDelivered = "Delivered";
inline constexpr const char* kAwaitingDelivery = "AwaitingDelivery";
inline constexpr const char* kMissedDelivery = "MissedDelivery";
inline constexpr const char* kNoDelivery = "NoDelivery";
inline constexpr const char* kSecretUnusable = "SecretUnusable";
inline constexpr const char* kNotServed = "NotServed";

}  // namespace committest::api::reason
