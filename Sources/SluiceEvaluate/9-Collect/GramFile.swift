internal import Glibc
internal import SluiceCore
internal import SluiceFormats

/// A safetensors file of square matrices that are written in any order, and that has its name only when all
/// of it is on the disk.
final class GramFile: Sendable {
  private let file: OutputFile
  private let path: String
  private let starts: [String: Int]

  /// Makes room for the matrices.
  ///
  /// - Parameters:
  ///   - path: The path that the file is going to have.
  ///   - sizes: The number of columns of each, by name.
  /// - Throws: If the disk has not enough space.
  init(_ path: String, sizes: [String: Int]) throws {
    self.path = path
    let tensors = sizes.compactMap { name, size in
      TensorShape([size, size]).map { PlannedTensor(name: name, dtype: .f32, shape: $0) }
    }
    let shard = try ShardLayout.plan(tensors, shardByteLimit: .max).shards[0]
    starts = Dictionary(
      uniqueKeysWithValues: shard.tensors.map { ($0.name, $0.byteRange.lowerBound) })
    file = try OutputFile.create(
      at: "\(Directory.parent(of: path))/.\(Directory.name(of: path)).\(getpid()).partial",
      byteCount: shard.byteCount)
    do {
      // SAFETY: the header is used inside the closure only.
      try unsafe shard.header.withUnsafeBytes { try unsafe file.write($0, at: 0) }
    } catch {
      file.discard()
      throw error
    }
  }

  /// Writes a run of elements, the same into each of the named matrices.
  func write(
    _ bytes: UnsafeRawBufferPointer, _ names: [String], firstElement: Int
  ) throws(FormatError) {
    for name in names {
      guard let start = starts[name] else { continue }
      try unsafe file.write(bytes, at: start + firstElement * 4)
    }
  }

  /// Gives the file its name.
  func publish() throws(FormatError) { try file.publish(to: path) }

  /// Removes what there is of it.
  func discard() { file.discard() }
}
