internal import SluiceCore

/// Where a frame is, for messages.
package struct FramePlace: Sendable {
  /// The path of the file.
  package var file: String
  /// The bytes of the frame in it.
  package var byteRange: Range<Int>
  /// The name of the tensor.
  package var tensor: String
  /// Whether the file belongs to the run, and is no input.
  package var isOfRun: Bool

  /// Names a place.
  ///
  /// - Parameters:
  ///   - file: The path of the file.
  ///   - byteRange: The bytes of the frame in it.
  ///   - tensor: The name of the tensor.
  ///   - isOfRun: Whether the file belongs to the run, and is no input.
  package init(file: String, byteRange: Range<Int>, tensor: String, isOfRun: Bool = false) {
    self.file = file
    self.byteRange = byteRange
    self.tensor = tensor
    self.isOfRun = isOfRun
  }

  /// What is wrong with the frame there.
  package func problem(_ message: String) -> FormatError {
    FormatError(
      Failure(
        isOfRun ? .inputOutput : .badInput,
        subject: Subject(file: file, tensor: tensor, byteRange: byteRange), message: message,
        remedy: isOfRun
          ? "Check the disk; --verify-resume all does damaged work again, --restart all work."
          : "Make the store again from its model (sluice prune), or give the model itself."))
  }
}
