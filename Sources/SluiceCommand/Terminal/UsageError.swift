internal import SluiceCore

/// Options that are well-formed and yet cannot be meant.
struct UsageError: SluiceError {
  var failure: Failure

  init(_ failure: Failure) { self.failure = failure }

  init(_ message: String, remedy: String? = nil) {
    failure = Failure(.usage, message: message, remedy: remedy)
  }
}
