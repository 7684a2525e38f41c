import Glibc
import Platform
import Synchronization

/// Writes the checkpoints of a family: a base model and fine-tunes of it.
public struct FamilyWriter: Sendable {
  /// Elements of one piece of work; a thread holds one piece in memory.
  private static let pieceElements = 1 << 20

  /// What was done to write a checkpoint.
  public struct Outcome: Hashable, Sendable {
    /// Bytes of weight files that were written, without those that were there.
    public var written = 0
    /// Bytes of weight files that the file system lets share the blocks of an earlier shard.
    public var shared = 0
  }

  private let layout: CheckpointLayout
  private let size: DeltaSize
  private let seed: UInt64
  private let threads: Int
  private let isSparse: Bool

  /// Makes a writer.
  /// - Parameters:
  ///   - layout: where every tensor goes.
  ///   - size: how far the fine-tuned models are from the base model.
  ///   - seed: decides every value.
  ///   - threads: how many threads work; the bytes do not depend on it.
  ///   - isSparse: whether all weights are zeros that take no space: true headers in files of true lengths.
  public init(
    layout: CheckpointLayout, size: DeltaSize, seed: UInt64, threads: Int, isSparse: Bool = false
  ) {
    self.layout = layout
    self.size = size
    self.seed = seed
    self.threads = threads
    self.isSparse = isSparse
  }

  /// Writes one checkpoint.
  ///
  /// A file appears under its name only when it is complete.
  /// - Parameters:
  ///   - path: its folder, made when missing.
  ///   - model: 0 for the base model, 1 and up for the fine-tuned ones.
  ///   - force: whether files that are there with the right size are written anew.
  /// - Returns: how many bytes were written, and how many are shared.
  /// - Throws: `BenchFailure` when a file cannot be written.
  public func write(to path: String, model: Int, force: Bool) throws -> Outcome {
    try Directory.make(path)
    for file in layout.smallFiles {
      try File.replace(path + "/" + file.name, with: file.content.text)
    }
    var outcome = Outcome()
    for shard in layout.shards {
      let name = path + "/" + shard.fileName
      var status = stat()
      if !force, stat(name, &status) == 0, Int(status.st_size) == shard.byteCount { continue }
      var written = shard.byteCount
      if isSparse {
        try writeHead(of: shard, to: name)
        written = shard.head.count
      } else if let earlier = shard.repeatedShard.map({ layout.shards[$0] }) {
        written = try write(shard, to: name, repeating: path + "/" + earlier.fileName)
      } else {
        try write(shard, to: name, model: model)
      }
      outcome.written += written
      outcome.shared += isSparse ? 0 : shard.byteCount - written
    }
    return outcome
  }

  /// Writes a shard with the data of an earlier one.
  /// - Returns: the bytes that were written: only the head, where the file system shares blocks.
  private func write(
    _ shard: CheckpointLayout.Shard, to name: String, repeating earlier: String
  ) throws -> Int {
    let partial = name + ".partial"
    let file = try File(partial, O_WRONLY | O_CREAT | O_TRUNC)
    let source = try File(earlier, O_RDONLY)
    try shard.head.withUnsafeBytes { try file.write($0, at: 0) }
    let isShared = try file.share(dataOf: source, from: shard.head.count)
    if !isShared { try file.copy(source, from: shard.head.count) }
    try file.synchronize()
    guard rename(partial, name) == 0 else { throw BenchFailure.system("rename", name) }
    return isShared ? shard.head.count : shard.byteCount
  }

  private func writeHead(of shard: CheckpointLayout.Shard, to name: String) throws {
    let partial = name + ".partial"
    let file = try File(partial, O_WRONLY | O_CREAT | O_TRUNC)
    try shard.head.withUnsafeBytes { try file.write($0, at: 0) }
    guard ftruncate(file.descriptor, off_t(shard.byteCount)) == 0 else {
      throw BenchFailure.system("ftruncate", partial)
    }
    guard rename(partial, name) == 0 else { throw BenchFailure.system("rename", name) }
  }

  private func write(_ shard: CheckpointLayout.Shard, to name: String, model: Int) throws {
    let partial = name + ".partial"
    let file = try File(partial, O_WRONLY | O_CREAT | O_TRUNC)
    let code = posix_fallocate(file.descriptor, 0, off_t(shard.byteCount))
    guard code == 0 else { throw BenchFailure.system("posix_fallocate", partial, code: code) }
    try shard.head.withUnsafeBytes { try file.write($0, at: 0) }

    let pieces = shard.tensors.indices.flatMap { tensor in
      stride(
        from: 0, to: shard.tensors[tensor].tensor.elementCount, by: FamilyWriter.pieceElements
      ).map { (tensor: tensor, first: $0) }
    }
    let next = Atomic(0)
    try onThreads(min(threads, pieces.count)) { _ in
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FamilyWriter.pieceElements * layout.type.byteCount, alignment: 64)
      defer { buffer.deallocate() }
      var current: (tensor: Int, source: WeightSource)?
      while true {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < pieces.count else { return }
        let piece = pieces[number]
        let placed = shard.tensors[piece.tensor]
        let source: WeightSource
        if let current, current.tensor == piece.tensor {
          source = current.source
        } else {
          source = WeightSource(placed.tensor, layout.type, model: model, size: size, seed: seed)
          current = (piece.tensor, source)
        }
        let count = min(FamilyWriter.pieceElements, placed.tensor.elementCount - piece.first)
        let bytes = UnsafeMutableRawBufferPointer(
          rebasing: buffer[..<(count * layout.type.byteCount)])
        source.fill(first: piece.first, count: count, into: bytes)
        try file.write(
          UnsafeRawBufferPointer(bytes),
          at: placed.fileOffset + piece.first * layout.type.byteCount)
      }
    }
    try file.synchronize()
    guard rename(partial, name) == 0 else { throw BenchFailure.system("rename", name) }
  }
}
