internal import SluiceKernels

/// For each element of a tile, which partitions keep it: one bit array for each partition, most
/// severe first, each contained in the next.
@safe public final class PartitionMasks {
  /// How many partitions there may be.
  public let count: Int
  /// The number of 64-bit words of each bit array.
  public let wordCount: Int
  /// How many partitions the tensor at hand has: the mask says it, the amplification relies on it.
  public var activeCount: Int {
    get { unsafe active.pointer[0] }
    set { unsafe active.pointer[0] = newValue }
  }
  /// In memory of its own: it is set for each tile, and a property would be guarded each time.
  private let active: AlignedBuffer<Int>
  private let words: AlignedBuffer<UInt64>
  private let rows: AlignedBuffer<UnsafePointer<UInt64>>
  private let filledRows: AlignedBuffer<UnsafeMutablePointer<UInt64>>

  /// Makes empty masks.
  ///
  /// - Parameters:
  ///   - count: How many partitions there may be, at least 1.
  ///   - tileElements: The most elements in a tile, a multiple of 64.
  package init(count: Int, tileElements: Int = Granularity.tileElements) {
    precondition(count > 0 && tileElements % 64 == 0)
    self.count = count
    active = AlignedBuffer(count: 1, fill: count)
    wordCount = tileElements / 64
    words = AlignedBuffer(count: count * wordCount, fill: 0)
    unsafe rows = AlignedBuffer(count: count, fill: UnsafePointer(words.pointer))
    unsafe filledRows = AlignedBuffer(count: count, fill: words.pointer)
    for index in 0..<count {
      unsafe rows.pointer[index] = UnsafePointer(self[index])
      unsafe filledRows.pointer[index] = self[index]
    }
  }

  /// The bits of a partition, least significant first, in `wordCount` words.
  ///
  /// - Parameter partition: The partition's position.
  public subscript(partition: Int) -> UnsafeMutablePointer<UInt64> {
    precondition(partition < count)
    // SAFETY: the buffer holds `wordCount` words for each of `count` partitions.
    return unsafe words.pointer + partition * wordCount
  }

  /// The bit arrays of all partitions, as kernels take them.
  public var pointers: UnsafePointer<UnsafePointer<UInt64>> { unsafe UnsafePointer(rows.pointer) }

  /// The bit arrays of all partitions, as kernels that fill them take them.
  package var filledPointers: UnsafePointer<UnsafeMutablePointer<UInt64>> {
    unsafe UnsafePointer(filledRows.pointer)
  }
}

/// A tile of one model's deltas on its way through the chain.
///
/// Valid during one call of a stage; its memory is reused for the next tile.
@safe public struct DeltaTile {
  /// The deltas, changed in place.
  @unsafe public let values: UnsafeMutablePointer<Float>
  /// How many there are, at most a tile of the run.
  public let count: Int
  /// The position of the first in the tensor.
  public let firstElement: Int
  /// The partitions that keep each element, once a stage has decided it.
  public let partitions: PartitionMasks

  /// Describes a tile.
  ///
  /// - Parameters:
  ///   - values: The deltas.
  ///   - count: How many there are.
  ///   - firstElement: The position of the first in the tensor.
  ///   - partitions: Room for the partitions that keep each element.
  public init(
    values: UnsafeMutablePointer<Float>, count: Int, firstElement: Int, partitions: PartitionMasks
  ) {
    unsafe self.values = unsafe values
    self.count = count
    self.firstElement = firstElement
    self.partitions = partitions
  }
}
