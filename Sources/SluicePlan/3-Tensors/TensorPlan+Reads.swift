internal import SluiceCore
internal import SluiceFormats
package import SluiceStages
internal import SluiceStore

/// A part of a file that strips read: the same for all plans that read it.
package struct ReadPart: Sendable, Hashable {
  private enum Owner: Hashable {
    case file(FileIdentity)
    /// A file that a pass makes anew, of nobody else.
    case task(ObjectIdentifier)
  }

  private let owner: Owner
  private let bytes: Range<Int>
  /// The strip, where its bytes do not lie together.
  private let strip: Int?

  fileprivate init(_ file: InputFile, _ bytes: Range<Int>, strip: Int? = nil) {
    (owner, self.bytes, self.strip) = (.file(FileIdentity(file.status)), bytes, strip)
  }

  fileprivate init(_ task: TensorTask, _ bytes: Range<Int>, strip: Int) {
    (owner, self.bytes, self.strip) = (.task(ObjectIdentifier(task)), bytes, strip)
  }
}

extension TensorPlan {
  /// What the last pass reads for a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Returns: The bytes of each part; parts of several strips, or plans, that are equal can be read once.
  /// - Throws: If a store cannot be read.
  package func reads(of strip: Strip) throws -> [ReadPart: Int] {
    let task = strip.task
    var parts: [ReadPart: Int] = [:]
    add(task.base, available: task.baseElementCount, strip, to: &parts)
    for (model, source) in task.fineTuned.enumerated() {
      guard let source else { continue }
      if let store = stored.stores[model], let known = store.knownRange(task.name),
        let tensor = try store.tensor(task.name), strip.index < tensor.strips.count
      {
        let frames = tensor.strips[strip.index].table.frames
        guard let first = frames.first, let last = frames.last else { continue }
        parts[ReadPart(store.file, known)] = known.count
        parts[ReadPart(store.file, first.offset..<(last.offset + last.byteCount))] =
          frames.reduce(0) { $0 + $1.byteCount }
      } else {
        add(source, available: task.fineTunedElementCounts[model], strip, to: &parts)
      }
    }
    return parts
  }

  private func add(
    _ source: TensorSource, available: Int, _ strip: Strip, to parts: inout [ReadPart: Int]
  ) {
    let elements = strip.elements.clamped(to: 0..<available)
    guard source.isStored, !elements.isEmpty else { return }
    let byteCount = source.byteCount(ofElements: elements.count)
    guard files.indices.contains(source.file) else {
      parts[ReadPart(strip.task, source.byteRange, strip: strip.index)] = byteCount
      return
    }
    guard source.isPlain else {
      let part = ReadPart(files[source.file], source.byteRange, strip: strip.index)
      parts[part] = byteCount
      return
    }
    parts[ReadPart(files[source.file], source.byteRange(ofElements: elements))] = byteCount
  }
}
