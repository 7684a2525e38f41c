internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe
package import SluiceStages
internal import SluiceStore

extension TensorPlan {
  /// How much of what is packed goes through a file, from 0 to 1, as far as it is expected.
  var spilledShare: Double {
    let expected = Double(max(spill.expectedByteCount, 1))
    return max(0, 1 - Double(memory.heldFramesByteCount) / expected)
  }

  /// The bytes that a pass reads of tensors, with frames counted as they lie in their files.
  ///
  /// - Parameters:
  ///   - tasks: The tensors.
  ///   - knowsSpill: Whether what the first survey kept is read in the place of the models.
  /// - Returns: The number of bytes; of a spill as many as are expected.
  package func readByteCount(_ tasks: [TensorTask], knowsSpill: Bool) -> Int {
    let readsFrames = knowsSpill && spill.codec != nil
    guard readsFrames || !stored.isEmpty else { return TensorPlan.inputByteCount(tasks) }
    return tasks.reduce(0) { sum, task in
      let base = task.base.byteCount(ofElements: task.baseElementCount)
      return task.fineTuned.indices.reduce(sum + base) { sum, model in
        guard let source = task.fineTuned[model] else { return sum }
        if let store = stored.stores[model] {
          return sum + (knowsSpill ? store.framesRange(task.name).count : 0)
        }
        if readsFrames, task.role == .linear, source.computed == nil, let codec = spill.codec {
          let lowest = lowestRate(of: task, model: model)
          let frames = SpillPlan.expectedBytes(task, model, lowestRate: lowest, codec)
          return sum + Int(Double(frames) * spilledShare)
        }
        return sum + source.byteCount(ofElements: task.fineTunedElementCounts[model])
      }
    }
  }
}
