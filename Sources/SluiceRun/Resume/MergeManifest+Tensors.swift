internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceStages

extension MergeManifest {
  /// A hash of what is done with each tensor.
  ///
  /// - Throws: If there are no threads to be had.
  static func tensorsHash(_ tasks: [TensorTask]) throws -> Hash128 {
    let blockLength = 1024
    let starts = Array(stride(from: 0, to: tasks.count, by: blockLength))
    let parts = try Graph.map(starts, "hash", threads: 2) { start in
      hashes(tasks[start..<min(start + blockLength, tasks.count)])
    }
    return Hash128(of: Array(parts.joined()))
  }

  private static func hashes(_ tasks: ArraySlice<TensorTask>) -> [UInt8] {
    var hashes: [UInt8] = []
    // Of bytes, in one place, as there may be ten thousands of tensors.
    var text: [UInt8] = []
    for task in tasks {
      text.removeAll(keepingCapacity: true)
      text += task.name.utf8
      text.append(UInt8(0))
      text += task.role.rawValue.utf8
      text.append(task.elementCount)
      text.append(UInt8(ascii: " "))
      text += task.outputDType.rawValue.utf8
      text.append(task.outputShard)
      text.append(task.outputOffset)
      append(task.base, task.baseElementCount, to: &text)
      for (source, count) in zip(task.fineTuned, task.fineTunedElementCounts) {
        append(source, count, to: &text)
      }
      hashes += Hash128(of: text).bytes
    }
    return hashes
  }

  private static func append(_ source: TensorSource?, _ count: Int, to text: inout [UInt8]) {
    guard let source else {
      text += " -".utf8
      return
    }
    text.append(source.file)
    text.append(UInt8(ascii: " "))
    text += source.dtype.rawValue.utf8
    text.append(source.byteRange.lowerBound)
    text.append(count)
    if let computed = source.computed { text += " +\(computed)".utf8 }
    guard let matched = source.matched else { return }
    // Safety: the rows are read inside the closure only.
    let hash = unsafe matched.rows.withUnsafeBytes { unsafe Hash128(of: $0) }
    text += " rows \(hash.hexadecimal)".utf8
    if let made = matched.made { text += " made \(made.hash.hexadecimal)".utf8 }
  }
}

extension [UInt8] {
  /// Appends a number after a space.
  fileprivate mutating func append(_ number: Int) {
    append(UInt8(ascii: " "))
    append(decimal: number)
  }
}
