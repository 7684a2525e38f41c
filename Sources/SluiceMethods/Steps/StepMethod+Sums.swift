internal import SluiceStages

/// The methods that look at lengths and angles, or count, before they merge.
extension StepMethod {
  static let slerp = StepMethod(
    name: "slerp", summary: "The way from the base to another model along an arc.",
    base: .required, models: (1, 1), parameters: [.number("t", .all, nil)],
    sums: [gram(subtracts: { _ in false }, withBase: true)],
    paper: "Shoemake, Animating rotation with quaternion curves (1985)",
    rule: { setup, inputs in
      let products = first(inputs)
      return StepOperator("slerp", setup, rows: SlerpRule.rows) { setup, _ in
        SlerpRule(setup, products: products)
      }
    })

  static let nuslerp = StepMethod(
    name: "nuslerp", summary: "Two models, or their deltas, along an arc by their weights.",
    base: .optional, models: (2, 2),
    parameters: [
      .number("weight", .model, nil), .truth("nuslerp_flatten", true),
      .truth("nuslerp_row_wise", false),
    ],
    sums: [
      gram(subtracts: { $0.hasBase }),
      StepSumPass(what: "units", sumCount: { _ in 1 }, rows: UnitProductRule.rows) {
        setup, inputs, _ in
        UnitProductRule(setup, subtracts: setup.hasBase, lengths: inputs.sums[0])
      },
    ],
    rows: StepRowPass(
      what: "cosines of rows", isByRows: NuSlerpRule.isByRows, isByColumns: NuSlerpRule.isByColumns
    ) {
      RowCosineRule($0)
    },
    paper: "Shoemake, Animating rotation with quaternion curves (1985)",
    rule: { setup, inputs in
      let cosines = inputs.sums.count > 1 ? inputs.sums[1] : first(inputs)
      return StepOperator("nuslerp", setup, rows: NuSlerpRule.rows) { setup, _ in
        NuSlerpRule(setup, rows: inputs.rowNumbers) { cosines.values(of: $0).first ?? 0 }
      }
    })

  static let multislerp = StepMethod(
    name: "multislerp", summary: "The spherical mean of models, or of their deltas, in one step.",
    base: .optional,
    parameters: [
      .number("weight", .model, nil), .truth("normalize_weights", true),
      .number("eps", .all, 1e-8),
    ],
    sums: [gram(subtracts: { $0.hasBase })],
    paper: "Buss and Fillmore, Spherical averages (2001)",
    rule: { setup, inputs in
      let products = first(inputs)
      return StepOperator("multislerp", setup, rows: MultiSlerpRule.rows(setup.others.count)) {
        setup, _ in MultiSlerpRule(setup, products: products)
      }
    })

  static let karcher = StepMethod(
    name: "karcher", summary: "The point of a sphere that is nearest to all models.",
    base: .unused,
    parameters: [.number("max_iter", .all, 10), .number("tol", .all, 1e-5)],
    sums: [gram(subtracts: { _ in false })],
    paper: "Karcher, Riemannian center of mass (1977)",
    rule: { setup, inputs in
      let products = first(inputs)
      return StepOperator("karcher", setup, rows: KarcherRule.rows(setup.others.count)) {
        setup, _ in KarcherRule(setup, products: products)
      }
    })

  static let modelStock = StepMethod(
    name: "model_stock",
    summary: "Between the base and the mean of the models, by the angles between their deltas.",
    base: .required, models: (2, nil), parameters: [.truth("filter_wise", false)],
    sums: [gram(subtracts: { _ in true }, roundsProducts: true)],
    rows: StepRowPass(what: "angles of rows", isByRows: ModelStockRule.isByRows) {
      RowShareRule($0)
    },
    paper: "Model Stock (arXiv 2403.19522)",
    rule: { setup, inputs in
      let products = first(inputs)
      return StepOperator("model_stock", setup, rows: ModelStockRule.rows) { setup, _ in
        ModelStockRule(setup, rows: inputs.rowNumbers, products: products)
      }
    })

  static let sce = StepMethod(
    name: "sce",
    summary: "Where models differ the most: an elected sign, and weights by the sizes of changes.",
    base: .required,
    parameters: [.number("select_topk", .all, 1), .truth("int8_mask", false)],
    sums: [
      StepSumPass(what: "squares", sumCount: { $0 }, rows: SquareRule.rows) {
        setup, inputs, kernels in
        let selections = inputs.selections
        return SquareRule(setup, kernels: kernels) { selections?.selection(of: $0) }
      }
    ],
    selection: StepSelectionPass(
      what: "variances",
      question: { setup, task in
        let share = setup.number("select_topk", task)
        return share < 1 ? .largest(share: share) : nil
      }, makeRule: { setup, _ in VarianceRule(setup) }),
    paper: "FuseChat (arXiv 2408.07990)",
    rule: { setup, inputs in
      let (squares, selections) = (first(inputs), inputs.selections)
      return StepOperator("sce", setup, rows: SCERule.rows) { setup, kernels in
        SCERule(setup, squares: squares, kernels: kernels) { selections?.selection(of: $0) }
      }
    })

  static let arceeFusion = StepMethod(
    name: "arcee_fusion", summary: "Take over those changes of another model that matter the most.",
    base: .required, models: (1, 1), makesFloat32: true,
    rows: StepRowPass(what: "divergences", subtracts: false, isByRows: { _, _ in true }) {
      RowDivergenceRule($0)
    },
    selection: StepSelectionPass(
      what: "quartiles", question: { _, _ in .quantiles([0.25, 0.5, 0.75]) },
      makeRule: { setup, rows in ImportanceRule(setup, rows: rows ?? NoRowNumbers()) }),
    paper: "Arcee Fusion (mergekit)",
    rule: { setup, inputs in
      let (rows, selections) = (inputs.rowNumbers ?? NoRowNumbers(), inputs.selections)
      return StepOperator("arcee_fusion", setup, rows: FusionRule.rows) { setup, _ in
        FusionRule(setup, rows: rows) { selections?.selection(of: $0) }
      }
    })

  static let ramPlus = StepMethod(
    name: "ramplus_tl",
    summary: "As ram, and what one model alone changes counts for more where it shares little.",
    base: .required,
    parameters: [
      .number("epsilon", .all, 1e-5), .number("r", .all, 0.1), .number("alpha", .all, 0.2),
    ],
    makesFloat32: true,
    sums: [
      StepSumPass(what: "changes", sumCount: { 2 * $0 }, rows: ActiveCountRule.rows) {
        setup, _, _ in ActiveCountRule(setup)
      }
    ],
    paper: "RAM (Behavior Knowledge Merge in Reinforced Agentic Models, 2026)",
    rule: { setup, inputs in
      let counts = first(inputs)
      return StepOperator("ramplus_tl", setup, rows: RAMRule.rows) { setup, _ in
        RAMRule(setup) { task, place in
          let values = counts.values(of: task)
          return RAMRule.factor(
            shared: values[place], unique: values[values.count / 2 + place],
            r: setup.number("r", task), alpha: setup.number("alpha", task),
            epsilon: setup.number("epsilon", task))
        }
      }
    })

  /// The sums of the first pass; none where only names count.
  private static func first(_ inputs: ChainInputs) -> StepSums {
    inputs.sums.first ?? StepSums(Granularity(chunkElements: Granularity.grainElements))
  }

  private static func gram(
    subtracts: @escaping @Sendable (StepSetup) -> Bool, roundsProducts: Bool = false,
    withBase: Bool = false
  ) -> StepSumPass {
    StepSumPass(what: "products", sumCount: { $0 * ($0 + 1) / 2 }, rows: GramRule.rows) {
      setup, _, _ in
      GramRule(
        setup, subtracts: subtracts(setup), roundsProducts: roundsProducts, withBase: withBase)
    }
  }
}

/// Stands for the numbers of rows where only names count.
private struct NoRowNumbers: StepRowNumbers {
  func numbers(of task: TensorTask, rows: Range<Int>) -> [Float] {
    Array(repeating: 0, count: rows.count)
  }
}
