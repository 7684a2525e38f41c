package import SluiceDataflow
package import SluiceFormats
package import SluiceKernels
package import SluiceStages

/// What executes passes, as passes see it.
package protocol PassExecutor: AnyObject {
  /// The plan; its list of files grows when a pass makes one.
  var plan: TensorPlan { get }
  /// The kernels to compute with.
  var kernels: Kernels { get }
  /// Where a merge notes how it changes tensors.
  var figures: ChangeFigures { get }
  /// What follows from tensors that the plan does not have.
  var known: KnownFindings { get }

  /// What is finished of a pass.
  ///
  /// - Parameter kind: The kind of its units.
  /// - Returns: The units; those of a file with the file.
  /// - Throws: `FormatError` if the file cannot be opened or made.
  func units(_ kind: UnitKind) throws -> PassUnits

  /// Reads the pass's tensors, and lets the deltas pass to a sink in each lane.
  ///
  /// - Parameters:
  ///   - pass: The pass.
  ///   - transforms: What is done to the deltas before.
  ///   - units: What is finished; a unit is a strip, which the sink notes at its end.
  ///   - makeSink: Makes the sink of one lane.
  /// - Throws: What keeps tensors from being read.
  func stream(
    _ pass: any TensorPass, after transforms: TransformChain, _ units: PassUnits,
    _ makeSink: @escaping @Sendable () -> any TileSink) throws

  /// The same for a pass that writes the merged model.
  func write(
    _ pass: any TensorPass, after transforms: TransformChain,
    _ makeSink: @escaping @Sendable (ChunkOutput) -> any TileSink) throws

  /// Counts tensors into histograms.
  ///
  /// - Parameters:
  ///   - pass: The pass.
  ///   - tasks: The tensors.
  ///   - transforms: What is done to the deltas before they are counted.
  ///   - kind: The kind of the units, whose name is that of the file; nil for the histograms that all
  ///     merges share, with which also goes what is to be kept in frames.
  ///   - note: What looks at each histogram that is made; an earlier attempt may have made some.
  ///   - foresee: Finds the rates that are expected, below which nothing is kept; asked if something is left to
  ///     count and pack, and nil if any rates can come.
  /// - Returns: The histograms, to ask about.
  /// - Throws: What keeps the tensors from being counted.
  func survey(
    _ pass: any TensorPass, of tasks: [TensorTask], after transforms: TransformChain,
    in kind: UnitKind?, note: HistogramNote?, foresee: (() throws -> RateForecast?)?
  ) throws -> any HistogramSurvey

  /// Works on a list of jobs, one after the other in each lane.
  ///
  /// - Parameters:
  ///   - pass: The pass.
  ///   - node: The kind of the lanes.
  ///   - jobs: The jobs, in the order in which they are begun.
  ///   - units: What is finished; a unit is a job, numbered as in the list.
  ///   - byteCount: What the progress of a job adds up to.
  ///   - makeWorker: Makes what works in one lane, and says what must be known of a finished job.
  /// - Throws: What a worker throws.
  func work<Job: Sendable>(
    _ pass: any TensorPass, _ node: NodeKind, on jobs: [Job], _ units: PassUnits,
    byteCount: @escaping @Sendable (Job) -> Int,
    _ makeWorker: @escaping @Sendable (PassWorker) throws -> (Job) throws -> [UInt8]) throws

  /// Notes that a pass left bytes in an intermediate file.
  func didSpill(_ byteCount: Int, in pass: any TensorPass)
  /// Where a file lies that only this run needs.
  func path(_ name: String) -> String
  /// Lets later passes read a file that this one made.
  func addInput(_ file: InputFile)
  /// Lets later passes read what a pass kept in frames, wherever that is all that the cuts need.
  func readFrames(serving cuts: CutTable, in pass: any TensorPass)

  /// What an earlier attempt found for a stage, model by model.
  func knownStatistics(unit: Int) -> [Double]?
  /// Keeps what was found for a stage, model by model.
  func didFind(_ values: [Double], unit: Int)
}

/// One lane of a pass that works on jobs.
package struct PassWorker {
  /// Its number, from 1 on.
  package let lane: Int
  private let node: NodeContext
  private let didRead: @Sendable (Int) -> Void
  private let didAdvance: @Sendable (Int) -> Void

  package init(
    lane: Int, node: NodeContext, didRead: @escaping @Sendable (Int) -> Void,
    didAdvance: @escaping @Sendable (Int) -> Void
  ) {
    self.lane = lane
    self.node = node
    self.didRead = didRead
    self.didAdvance = didAdvance
  }

  /// Ends the work if the run was cancelled.
  package func check() throws { try node.cancellation.check() }

  /// Counts bytes of models that were read.
  package func countRead(_ byteCount: Int) {
    node.count(bytes: byteCount)
    didRead(byteCount)
  }

  /// Moves the progress on.
  package func advance(by byteCount: Int) { didAdvance(byteCount) }
}

/// Histograms of tensors, and how to ask them what they may not know at once.
package protocol HistogramSurvey: AnyObject {
  /// The number of fine-tuned models.
  var modelCount: Int { get }

  /// Asks about every group of tensors of every model, looking into bins where it must.
  ///
  /// - Parameters:
  ///   - refining: The pass that looks into bins.
  ///   - groups: The tensors, those together that are looked at as one.
  ///   - askRecord: Gets the record of a tensor of one strip, if there is one without bins, on any thread; says
  ///     whether that was enough.
  ///   - ask: Otherwise gets the histogram of a group, and those of its strips where the group is a tensor of
  ///     several; gives the bins that it needs, after which it is asked again, or nil.
  /// - Throws: What keeps tensors from being counted.
  func settle(
    _ refining: RefinePass, _ groups: LayerGroups,
    _ askRecord: (@Sendable (SurveyedLayer, HistogramRecord) -> Bool)?,
    histograms ask:
      @escaping @Sendable (SurveyedLayer, MagnitudeHistogram, [MagnitudeHistogram]) ->
      UnresolvedBins?
  ) throws
}

extension HistogramSurvey {
  /// Answers a question about every group of tensors of every model, looking into bins where it must.
  ///
  /// - Parameters:
  ///   - refining: The pass that looks into bins.
  ///   - groups: The tensors that are looked at as one.
  ///   - answer: The answer from the histogram of a group, and from those of its strips where the group
  ///     is a tensor of several; or the bins that it needs.
  /// - Returns: For each model, the answers in the order of the groups.
  /// - Throws: What keeps tensors from being counted.
  @inline(__always)
  package func resolve<Answer: Sendable>(
    _ refining: RefinePass, _ groups: [[TensorTask]],
    _ answer:
      @escaping @Sendable (SurveyedLayer, MagnitudeHistogram, [MagnitudeHistogram]) -> Result<
        Answer, UnresolvedBins
      >
  ) throws -> [[Answer]] {
    // Here, and not where histograms are, as answers may be ten thousands, and their type is known here.
    let none = [Answer?](repeating: nil, count: groups.count)
    let answers = Monitor(Array(repeating: none, count: modelCount))
    try settle(refining, .joined(groups), nil) { layer, whole, strips in
      switch answer(layer, whole, strips) {
      case .success(let known):
        answers.withLock { $0[layer.model][layer.position] = known }
        return nil
      case .failure(let unresolved): return unresolved
      }
    }
    return answers.withLock { $0.map { $0.compactMap(\.self) } }
  }
}
