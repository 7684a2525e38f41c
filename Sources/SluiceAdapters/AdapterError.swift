package import SluiceCore

/// An adapter that cannot be read, or does not fit its base.
package struct AdapterError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  ///
  /// - Parameter failure: The content.
  package init(_ failure: Failure) { self.failure = failure }

  static func bad(
    _ message: String, file: String, tensor: String? = nil, remedy: String?
  ) -> AdapterError {
    AdapterError.badInput(message, file: file, tensor: tensor, remedy: remedy)
  }
}
