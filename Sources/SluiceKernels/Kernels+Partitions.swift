internal import CSluiceKernels

extension Kernels {
  /// How many keep words describe a number of elements: one bit each, 64 to a word.
  ///
  /// - Parameter count: The number of elements.
  /// - Returns: The number of words.
  package static func keepWordCount(_ count: Int) -> Int { (count + 63) / 64 }

  /// Selects the elements above a cut, and those on it that its rule keeps.
  ///
  /// With b the bits of |delta|: an element stays if b > threshold, or if b = threshold and the
  /// rule keeps its number among the tied ones. Zeros never stay.
  ///
  /// - Parameters:
  ///   - delta: The deltas.
  ///   - count: How many.
  ///   - cursor: The cut; moves past the tied elements of this block.
  ///   - keep: Receives one bit per element, the least significant bit of a word first; bits past
  ///     `count` in the last word are 0.
  /// - Returns: How many elements stay.
  package func select(
    _ delta: UnsafePointer<Float>, count: Int, cursor: inout TieCursor,
    keep: UnsafeMutablePointer<UInt64>
  ) -> Int {
    var code = cursor.code
    // Safety: the caller guarantees `count` elements and their keep words.
    let kept = unsafe functions.pointee.select(delta, count, &code, keep)
    cursor.next = code.next
    return kept
  }

  /// Finds where the largest magnitudes of a row end.
  ///
  /// Counts how many reach some bits, and narrows the range of these until it knows.
  ///
  /// - Parameters:
  ///   - values: The elements, which are finite.
  ///   - count: How many.
  ///   - kept: How many are kept, 1 to `count`.
  ///   - guess: About where they end; says nothing about the result.
  /// - Returns: The bits of the smallest of them, how many elements are above these, and how many are at them.
  package func cutRow(
    _ values: UnsafePointer<Float>, count: Int, kept: Int, guess: UInt32 = 0
  ) -> (threshold: UInt32, above: Int, tied: Int) {
    // Safety: the caller guarantees `count` elements.
    let cut = unsafe functions.pointee.cut_row(values, count, kept, guess)
    return (cut.threshold, cut.above, cut.tied)
  }

  /// Replaces the elements whose magnitudes do not reach some bits by +0.
  ///
  /// - Parameters:
  ///   - values: The numbers, changed in place.
  ///   - count: How many.
  ///   - bits: The bits of the smallest magnitude that stays; below 2^31.
  package func keepReaching(
    _ values: UnsafeMutablePointer<Float>, count: Int, bits: UInt32
  ) {
    // Safety: the caller guarantees `count` numbers.
    unsafe functions.pointee.keep_reaching(values, count, bits)
  }

  /// Replaces the elements that were not selected by +0.
  ///
  /// - Parameters:
  ///   - values: The numbers, changed in place.
  ///   - count: How many.
  ///   - keep: One bit per element.
  package func applyMask(
    _ values: UnsafeMutablePointer<Float>, count: Int, keep: UnsafePointer<UInt64>
  ) {
    // Safety: the caller guarantees `count` numbers and their keep words.
    unsafe functions.pointee.apply_mask(values, count, keep)
  }

  /// Multiplies each element by the factor of its partition (the amplification of DPPA,
  /// arXiv 2403.02799); elements in no partition stay as they are.
  ///
  /// - Parameters:
  ///   - values: The numbers, changed in place.
  ///   - count: How many.
  ///   - partitions: The keep words of each cut, most severe first. An element belongs to the first
  ///     that holds it.
  ///   - factors: One factor per partition.
  ///   - partitionCount: How many partitions.
  package func amplify(
    _ values: UnsafeMutablePointer<Float>, count: Int,
    partitions: UnsafePointer<UnsafePointer<UInt64>>, factors: UnsafePointer<Float>,
    partitionCount: Int
  ) {
    // Safety: the caller guarantees `count` numbers, and keep words and a factor per partition.
    unsafe functions.pointee.amplify(values, count, partitions, factors, partitionCount)
  }

  /// Masks and amplifies in one pass: each element is multiplied by the factor of its partition, and
  /// elements in no partition become +0.
  ///
  /// With nested partitions this is `applyMask` with the last one, then `amplify`.
  ///
  /// - Parameters:
  ///   - values: The numbers, changed in place.
  ///   - count: How many.
  ///   - partitions: The keep words of each cut, most severe first. An element belongs to the first
  ///     that holds it.
  ///   - factors: One factor per partition.
  ///   - partitionCount: How many partitions.
  package func prune(
    _ values: UnsafeMutablePointer<Float>, count: Int,
    partitions: UnsafePointer<UnsafePointer<UInt64>>, factors: UnsafePointer<Float>,
    partitionCount: Int
  ) {
    // Safety: the caller guarantees `count` numbers, and keep words and a factor per partition.
    unsafe functions.pointee.prune(values, count, partitions, factors, partitionCount)
  }

  /// Multiplies every element by a factor.
  ///
  /// - Parameters:
  ///   - values: The numbers, changed in place.
  ///   - count: How many.
  ///   - factor: The factor.
  package func scale(_ values: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
    // Safety: the caller guarantees `count` numbers.
    unsafe functions.pointee.scale(values, count, factor)
  }
}
