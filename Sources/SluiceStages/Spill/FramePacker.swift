internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels

/// Collects the kept elements of one model, tile by tile, until a frame is full.
@safe final class FramePacker {
  private let kernels: Kernels
  private let codes: AlignedBuffer<UInt32>
  private let classes: AlignedBuffer<UInt8>
  private let keep: AlignedBuffer<UInt64>
  private var elementCount = 0
  private var keptCount = 0
  private var baseSum = BlockSum()

  /// The bytes that a packer holds.
  static let byteCount = Frame.elementLimit * 5 + Frame.elementLimit / 8

  init(kernels: Kernels) {
    self.kernels = kernels
    codes = AlignedBuffer(count: Frame.elementLimit, fill: 0)
    classes = AlignedBuffer(count: Frame.elementLimit, fill: 0)
    keep = AlignedBuffer(count: Frame.elementLimit / 64, fill: 0)
  }

  /// How many elements the frame at hand has.
  var count: Int { elementCount }

  /// Where the keep bits of the next tile go; the tile begins with a whole word.
  var nextKeep: UnsafeMutablePointer<UInt64> {
    precondition(elementCount % 64 == 0 && elementCount < Frame.elementLimit)
    return unsafe keep.pointer + elementCount / 64
  }

  /// Adds a tile whose keep bits are at `nextKeep`.
  func add(
    _ tuned: UnsafeRawPointer, base: UnsafeRawPointer, _ dtype: DType, count: Int
  ) {
    precondition(elementCount + count <= Frame.elementLimit)
    // SAFETY: the buffers have room for the elements of a frame.
    keptCount += unsafe kernels.pack(
      tuned, base: base, dtype, keep: nextKeep, count: count, codes: codes.pointer + keptCount,
      classes: classes.pointer + keptCount)
    elementCount += count
  }

  /// Adds the sum of whole grains of the base to the frame's.
  func addBase(_ sum: BlockSum) { baseSum.add(sum) }

  /// Writes the frame and begins the next one.
  func finish(
    _ dtype: DType, seed: UInt64, planes: AlignedBuffer<UInt8>, _ encoder: FrameEncoder,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    // SAFETY: the planes have room for four bytes of each element.
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Frame.classCount) {
      classCounts in
      guard let counts = classCounts.baseAddress else { return 0 }
      unsafe kernels.split(
        codes.pointer, classes: classes.pointer, count: keptCount, width: dtype.byteCount ?? 4,
        classCounts: counts, planes: planes.pointer)
      let content = unsafe FrameContent(
        dtype: dtype, elementCount: elementCount, keptCount: keptCount, baseSum: baseSum.value,
        keep: keptCount == elementCount ? nil : UnsafePointer(keep.pointer),
        classCounts: UnsafePointer(counts), planes: UnsafePointer(planes.pointer))
      defer {
        elementCount = 0
        keptCount = 0
        baseSum = BlockSum()
      }
      return unsafe encoder.encode(content, seed: seed, into: target)
    }
  }
}
