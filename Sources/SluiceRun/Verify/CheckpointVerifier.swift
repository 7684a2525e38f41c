internal import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import Synchronization

/// Reads a merged checkpoint again and compares it with the hashes that its report has of it.
package struct CheckpointVerifier {
  /// A place where the checkpoint is not what the report says.
  package struct Difference: Sendable, Hashable {
    /// The file, and the tensor and its bytes where they are known.
    package let subject: Subject
    /// What was expected and what was found.
    package let message: String
  }

  /// What came of it.
  package struct Result: Sendable, Hashable {
    /// Where the checkpoint differs, in the order of the report.
    package var differences: [Difference] = []
    /// The number of files that were looked at.
    package var fileCount = 0
    /// The number of tensors that were hashed.
    package var tensorCount = 0
    /// The bytes that were hashed.
    package var byteCount = 0
  }

  /// A run of one tensor's elements that one thread hashes.
  private struct Piece: Sendable {
    let file: Int
    let tensor: Int
    let part: Int
    /// The elements, counted from the part's first.
    let elements: Range<Int>
    /// Where the part's first element is in the file.
    let start: Int
    /// How the part's elements lie from there on, if not one after the other.
    let view: StridedView?
    let dtype: DType

    var byteCount: Int { dtype.byteCount(ofElements: elements.count) ?? 0 }
  }

  private static let pieceElements = 1 << 25
  private static let bufferByteCount = 1 << 22

  private let path: String
  private let threads: Int
  private let progress: ProgressMeter
  private let cancellation: Cancellation

  /// Prepares to verify; nothing is read yet.
  ///
  /// - Parameters:
  ///   - path: The directory of the merged model.
  ///   - threads: How many threads hash, each with a buffer of 4 MiB.
  ///   - progress: Where progress is counted.
  ///   - cancellation: Ends the work from outside.
  package init(
    _ path: String, threads: Int, progress: ProgressMeter = ProgressMeter(),
    cancellation: Cancellation = Cancellation()
  ) {
    self.path = path
    self.threads = threads
    self.progress = progress
    self.cancellation = cancellation
  }

  /// Reads everything.
  ///
  /// - Returns: What differs; nothing if the checkpoint is what the report says.
  /// - Throws: `PipelineError` if there is no report, `FormatError` if a disk fails.
  package func verify() throws -> Result {
    let report = "\(path)/\(RunFile.report)"
    guard try FileStatus.of(report) != nil else { throw PipelineError.noReport(path) }
    let shards = try ReportedShards(report).shards
    var result = Result()
    var files: [SafetensorsFile?] = []
    for shard in shards { files.append(try open(shard, &result)) }
    let sums = try sums(of: files, shards)
    for (ordinal, shard) in shards.enumerated() {
      guard let file = files[ordinal] else { continue }
      result.fileCount += 1
      try compare(shard, file, sums[ordinal], &result)
    }
    if result.differences.isEmpty { checkIndex(&result) }
    return result
  }

  /// Opens a file if it is there with its length and a valid header.
  private func open(
    _ shard: ReportedShards.Shard, _ result: inout Result
  ) throws -> SafetensorsFile? {
    let path = "\(self.path)/\(shard.file)"
    guard !shard.file.contains("/"), let status = try FileStatus.of(path) else {
      result.add(Subject(file: path), "the file is missing")
      return nil
    }
    guard status.byteCount == shard.byteCount else {
      result.add(
        Subject(file: path), "expected \(shard.byteCount) bytes, found \(status.byteCount)")
      return nil
    }
    do throws(FormatError) {
      return try SafetensorsFile.open(path)
    } catch {
      guard error.failure.exitCode == .badInput else { throw error }
      result.add(error.failure.subject, error.failure.message)
      return nil
    }
  }

  private func sums(
    of files: [SafetensorsFile?], _ shards: [ReportedShards.Shard]
  ) throws -> [[BlockSum]] {
    // Tensors that the report has in another order or not at all are found when names are compared.
    let places = zip(files, shards).map { file, shard in
      (file?.header.tensors ?? []).enumerated().map { position, entry in
        CheckpointVerifier.places(
          of: entry, position < shard.tensors.count ? shard.tensors[position] : nil)
      }
    }
    let pieces = files.enumerated().flatMap { file, opened in
      (opened?.header.tensors ?? []).enumerated().flatMap { tensor, entry in
        CheckpointVerifier.pieces(
          of: entry, file: file, tensor: tensor, places[file][tensor])
      }
    }
    progress.startPhase("verify", totalBytes: pieces.reduce(0) { $0 + $1.byteCount })
    defer { progress.finishPhase() }
    let sums = Mutex(
      places.map { $0.map { Array(repeating: BlockSum(), count: $0.count) } })
    let pool = try BufferPool(
      count: max(threads, 1), byteCount: CheckpointVerifier.bufferByteCount,
      cancellation: cancellation)
    try Graph.workThrough(pieces, "verify", threads: threads, cancellation: cancellation) {
      [progress] list, node in
      let buffer = try node.take(from: pool)
      while let piece = try list.next() {
        guard let input = files[piece.file]?.input else { continue }
        // SAFETY: the buffer belongs to this thread until the body ends.
        let sum = try unsafe input.blockSum(
          of: piece.elements, at: piece.start, piece.view, dtype: piece.dtype,
          buffer: buffer.bytes, cancellation: node.cancellation)
        sums.withLock { $0[piece.file][piece.tensor][piece.part].add(sum) }
        progress.advance(by: piece.byteCount)
      }
    }
    return sums.withLock { $0.map { $0.map { BlockSum(parts: $0) } } }
  }

  /// Where the parts of a tensor begin that were hashed, and how each lies; the whole tensor where the
  /// report does not fit it.
  private static func places(
    of entry: TensorEntry, _ reported: ReportedShards.Tensor?
  ) -> [(first: Int, view: StridedView?)] {
    let (count, whole) = (reported?.parts ?? 1, entry.shape.elementCount)
    guard whole > 0, whole % count == 0 else { return [(0, nil)] }
    guard let layout = reported?.layout else {
      return (0..<count).map { ($0 * (whole / count), nil) }
    }
    let places = (0..<count).compactMap {
      layout.place(
        of: $0, count: count, elementCount: whole, rowLength: entry.shape.dimensions.last ?? 0)
    }
    return places.count == count ? places.map { ($0.first, $0.view) } : [(0, nil)]
  }

  private static func pieces(
    of entry: TensorEntry, file: Int, tensor: Int, _ places: [(first: Int, view: StridedView?)]
  ) -> [Piece] {
    let count = entry.shape.elementCount / places.count
    return places.enumerated().flatMap { part, place in
      let start =
        entry.byteRange.lowerBound + (entry.dtype.byteCount(ofElements: place.first) ?? 0)
      return stride(from: 0, to: count, by: pieceElements).map {
        Piece(
          file: file, tensor: tensor, part: part, elements: $0..<min($0 + pieceElements, count),
          start: start, view: place.view, dtype: entry.dtype)
      }
    }
  }

  private func compare(
    _ shard: ReportedShards.Shard, _ file: SafetensorsFile, _ sums: [BlockSum],
    _ result: inout Result
  ) throws {
    let tensors = file.header.tensors
    let names = tensors.map(\.name)
    guard names == shard.tensors.map(\.name) else {
      let other = zip(names + [""], shard.tensors.map(\.name) + [""]).first { $0 != $1 }
      result.add(
        Subject(file: file.path, tensor: other?.0),
        "the file holds other tensors than the report says")
      return
    }
    let before = result.differences.count
    for (tensor, (sum, reported)) in zip(tensors, zip(sums, shard.tensors)) {
      result.tensorCount += 1
      result.byteCount += tensor.byteRange.count
      guard sum.text != reported.hash else { continue }
      result.add(
        Subject(file: file.path, tensor: tensor.name, byteRange: tensor.byteRange),
        "expected \(reported.hash), found \(sum.text)")
    }
    let dataStart = tensors.map(\.byteRange.lowerBound).min() ?? file.input.byteCount
    let found = ShardHash.text(header: try file.input.bytes(in: 0..<dataStart), sums: sums)
    if found != shard.hash, result.differences.count == before {
      result.add(
        Subject(file: file.path, byteRange: 0..<dataStart),
        "all tensors are as they were, but not the header: expected \(shard.hash), found \(found)")
    }
  }

  /// Sees whether loaders find the tensors: the report has no hash of the index.
  private func checkIndex(_ result: inout Result) {
    do throws(FormatError) {
      _ = try Checkpoint.open(path)
    } catch {
      result.add(error.failure.subject, error.failure.message)
    }
  }
}

extension CheckpointVerifier.Result {
  fileprivate mutating func add(_ subject: Subject, _ message: String) {
    differences.append(CheckpointVerifier.Difference(subject: subject, message: message))
  }
}

extension PipelineError {
  static func noReport(_ path: String) -> PipelineError {
    PipelineError.badInput(
      "there is no \(RunFile.report) to compare the model with", file: path,
      remedy: "Give the directory of a model that sluice merged; sluice status tells whether a "
        + "run in it is unfinished.")
  }
}
