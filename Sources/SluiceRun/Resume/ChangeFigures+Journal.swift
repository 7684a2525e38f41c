internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Figures of changes as journals have them (docs/reference/journal.md).
extension ChangeFigures.Sums {
  /// The number of elements, then each comparison: its product, and both counts; then the sizes.
  var encoded: [UInt8] {
    let byteCount = 8 + 24 * comparisons.count + 4 * sizes.count
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { room, made in
      func put(_ number: UInt64) {
        unsafe LittleEndian.store(number, UnsafeMutableRawBufferPointer(room), at: made)
        made += 8
      }
      put(UInt64(count))
      for comparison in comparisons {
        put(comparison.dot.bitPattern)
        put(UInt64(comparison.both))
        put(UInt64(comparison.same))
      }
      for size in sizes {
        unsafe LittleEndian.store(size, UnsafeMutableRawBufferPointer(room), at: made)
        made += 4
      }
    }
  }

  /// Reads figures; nil if they are none of any number of models.
  init?(encoded: [UInt8]) {
    var reader = ByteReader(encoded)
    // Small enough for sums over all strips.
    guard let count = reader.count(), count < 1 << 32 else { return nil }
    // Of n models there are n times as many sizes as classes.
    func byteCount(_ models: Int) -> Int {
      8 + 24 * ChangeFigures.Sums.comparisonCount(models) + 4 * DeltaSizes.classCount * models
    }
    guard let models = (1...4096).first(where: { byteCount($0) >= encoded.count }),
      byteCount(models) == encoded.count
    else { return nil }
    var comparisons: [Comparison] = []
    for _ in 0..<ChangeFigures.Sums.comparisonCount(models) {
      guard let bits = reader.integer(UInt64.self), let both = reader.count(),
        let same = reader.count(), both <= count, same <= both
      else { return nil }
      comparisons.append(Comparison(dot: Double(bitPattern: bits), both: both, same: same))
    }
    var sizes: [UInt32] = []
    for _ in 0..<DeltaSizes.classCount * models {
      guard let size = reader.integer(UInt32.self), Int(size) <= count else { return nil }
      sizes.append(size)
    }
    self.init(count: count, comparisons: comparisons, sizes: sizes, modelCount: models)
  }
}

extension TensorPlan {
  /// Where the figures of a merge are gathered.
  ///
  /// Nothing is said of tensors where something else stands in the place of the models' weights: what a pass
  /// solves for, in a file that is not there yet, or frames, which have only what is kept.
  var changeFigures: ChangeFigures {
    let fileCount = files.count
    let hasFrames = spill.isOn || !stored.isEmpty
    let isAsked = options.measuresChanges
    return ChangeFigures(modelCount: modelCount, stripCount: isAsked ? tasks.count : 0) { task in
      isAsked && task.fineTuned.allSatisfy { ($0?.file ?? 0) < fileCount }
        && !(hasFrames && task.role == .linear)
    }
  }
}
