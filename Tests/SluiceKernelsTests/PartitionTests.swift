import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels on selected elements") struct PartitionTests {
  private func decisions(_ count: Int, share: UInt64, seed: UInt64) -> [Bool] {
    var generator = BlockGenerator(state: seed)
    return (0..<count).map { _ in generator.next() % 100 < share }
  }

  @Test("Elements that were not selected become +0", arguments: allKernels)
  func applyMask(kernels: Kernels) {
    for content in BlockContent.allCases {
      for (count, share) in zip(blockLengths, [0, 5, 50, 95, 100, 20] + Array(1...99)) {
        let values = content.values(count)
        let keep = decisions(count, share: UInt64(share), seed: 3)
        let block = Block(values)
        kernels.applyMask(
          block.pointer, count: count, keep: ScalarKernels.keepWords(keep))
        let expected = ScalarKernels.masked(values, keep: keep)
        #expect(block.values.patterns == expected.patterns, "\(content) \(count)")
        #expect(block.isMarkUntouched)
      }
    }
  }

  @Test(
    "Each element gets the factor of its first partition, and pruning drops the rest",
    arguments: allKernels, [0, 1, 2, 3, 5])
  func amplify(kernels: Kernels, partitionCount: Int) {
    let factors = Array([1.3, 1.1, 0.7, 2, -1].prefix(partitionCount)) as [Float]
    for content in BlockContent.allCases {
      for count in blockLengths {
        let values = content.values(count)
        // Not nested on purpose: the first that holds the element decides.
        let partitions = (0..<partitionCount).map { decisions(count, share: 30, seed: UInt64($0)) }
        let words = partitions.map { keep in
          Block(ScalarKernels.keepWords(keep), after: 0)
        }
        let block = Block(values)
        kernels.amplify(
          block.pointer, count: count, partitions: words.map { UnsafePointer($0.pointer) },
          factors: factors, partitionCount: partitionCount)
        let expected = ScalarKernels.amplified(values, partitions: partitions, factors: factors)
        #expect(block.values.patterns == expected.patterns, "\(content) \(count)")
        #expect(block.isMarkUntouched)

        let pruned = Block(values)
        kernels.prune(
          pruned.pointer, count: count, partitions: words.map { UnsafePointer($0.pointer) },
          factors: factors, partitionCount: partitionCount)
        let held = values.indices.map { index in partitions.contains { $0[index] } }
        let rest = ScalarKernels.masked(expected, keep: held)
        #expect(pruned.values.patterns == rest.patterns, "\(content) \(count)")
        #expect(pruned.isMarkUntouched)
        for block in words { block.keep() }
      }
    }
  }

  @Test("Scaling multiplies every element", arguments: allKernels, [Float(1), 0.1, -3, 0x1p-120])
  func scale(kernels: Kernels, factor: Float) {
    for content in BlockContent.allCases {
      for count in blockLengths {
        let values = content.values(count)
        let block = Block(values)
        kernels.scale(block.pointer, count: count, by: factor)
        #expect(block.values.patterns == values.map { factor * $0 }.patterns, "\(content) \(count)")
        #expect(block.isMarkUntouched)
      }
    }
  }
}
