package import SluiceCore

/// What can be wrong with a report that is to be drawn.
package struct ReportError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  package init(_ failure: Failure) { self.failure = failure }
}
