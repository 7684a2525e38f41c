internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan

/// The frames that the survey of a share left for the phases behind it.
///
/// They stay in the directory of the attempt that wrote them, since their order in the file is that in which its lanes
/// were done; the records of the share's strips name it, so that both are of one attempt, whoever else did the same.
struct SharedFrames: Sendable {
  /// The file; nil if the survey left none.
  let path: String?

  /// Finds the frames.
  ///
  /// - Parameters:
  ///   - progress: What is known of the share.
  ///   - folder: The run.
  init(_ progress: MergeProgress, in folder: ShareFolder) {
    path = progress.spillPlace.map { "\(folder.phase(.survey))/\($0)/\(RunFile.spill)" }
  }

  /// Opens the file to read it.
  ///
  /// - Returns: The file; nil if the survey left none.
  /// - Throws: `PipelineError` if it is gone.
  func open() throws -> WorkFile? {
    guard let path else { return nil }
    guard let file = try WorkFile.open(at: path, isReadOnly: true) else {
      throw ShareRecords.damaged(path, "the packed weights of a survey are missing")
    }
    return file
  }
}
