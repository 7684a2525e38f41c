internal import SluiceCore
internal import SluiceFormats

/// How many candidates the disk has room for at once.
struct DiskQuota {
  private let setup: SearchSetup
  private let maker: any CandidateMaker
  private let directory: SearchDirectory

  init(_ setup: SearchSetup, _ maker: any CandidateMaker, _ directory: SearchDirectory) {
    self.setup = setup
    self.maker = maker
    self.directory = directory
  }

  /// The number of jobs that the limit allows, at most as many as were asked for.
  func jobs(_ onEvent: (SearchEvent) -> Void) throws -> Int {
    let largest =
      try setup.models.map {
        try maker.byteCount(of: Candidate(.amplified(model: $0.name, Factors([]))))
      }.max() ?? 0
    let jobs = setup.options.jobs
    if let limit = setup.options.diskLimit {
      guard limit.bytes >= largest else {
        throw SearchError.usage(
          "a candidate takes \(ByteCount(largest)), and candidates may take \(limit)",
          remedy: "Allow at least that much with --disk.")
      }
      let room = limit.bytes / max(largest, 1)
      if room < jobs {
        onEvent(
          .warned(
            model: "",
            "\(limit) hold \(room) candidate\(room == 1 ? "" : "s") of \(ByteCount(largest)): "
              + "\(room) of \(jobs) jobs run"))
      }
      return min(jobs, room)
    }
    let free = try FileSystem.freeByteCount(at: directory.path)
    guard free >= largest * jobs else {
      throw SearchError(
        Failure(
          .inputOutput, subject: Subject(file: directory.path),
          message: "\(jobs) candidate\(jobs == 1 ? "" : "s") of \(ByteCount(largest)) at once need "
            + "more than is free (\(ByteCount(free)))",
          remedy: "Free space, choose another --out, or run fewer --jobs."))
    }
    return jobs
  }
}
