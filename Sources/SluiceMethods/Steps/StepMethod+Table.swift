internal import SluiceStages

extension StepMethod {
  /// All methods, in the order of documentation.
  package static let table: [StepMethod] = [
    linear, passthrough, taskArithmetic, ties, dareLinear, dareTies, breadcrumbs, breadcrumbsTies,
    della, dellaLinear,
    slerp, nuslerp, multislerp, karcher, modelStock, sce, nearSwap, ram, ramPlus, arceeFusion,
  ]

  private static let linear = StepMethod(
    name: "linear", summary: "The mean of the models by weight, or their weighted sum.",
    base: .unused,
    parameters: [.number("weight", .input, nil), .truth("normalize", true)],
    paper: "Model soups (arXiv 2203.05482)",
    rule: { setup, _ in
      StepOperator("linear", setup, rows: LinearRule.rows) { setup, _ in LinearRule(setup) }
    })

  private static let passthrough = StepMethod(
    name: "passthrough", summary: "One model as it is, or times a number.",
    base: .unused, models: (1, 1), parameters: [.number("scale", .input, .nan)], paper: "",
    rule: { setup, _ in
      StepOperator("passthrough", setup, rows: 1) { setup, _ in PassthroughRule(setup) }
    })

  private static let nearSwap = StepMethod(
    name: "nearswap", summary: "Take of another model what is near the base, and move the rest.",
    base: .required, models: (1, 1), parameters: [.number("t", .all, nil)],
    paper: "NearSwap (alchemonaut, 2023)",
    rule: { setup, _ in
      StepOperator("nearswap", setup, rows: NearSwapRule.rows) { setup, _ in NearSwapRule(setup) }
    })

  private static let ram = StepMethod(
    name: "ram", summary: "Add up what one model alone changes, and average what several change.",
    base: .required, parameters: [.number("epsilon", .all, 1e-5)],
    paper: "RAM (Behavior Knowledge Merge in Reinforced Agentic Models, 2026)",
    rule: { setup, _ in
      StepOperator("ram", setup, rows: RAMRule.rows) { setup, _ in RAMRule(setup) }
    })
}

/// The methods that look at lengths and angles, or count, before they merge.
extension StepMethod {
  private static let slerp = StepMethod(
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

  private static let nuslerp = StepMethod(
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

  private static let multislerp = StepMethod(
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

  private static let karcher = StepMethod(
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

  private static let modelStock = StepMethod(
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

  private static let sce = StepMethod(
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

  private static let arceeFusion = StepMethod(
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

  private static let ramPlus = StepMethod(
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

/// The methods on differences from a base: one rule, with different ways to make them sparse.
extension StepMethod {
  private static let taskArithmetic = taskVectors(
    "task_arithmetic", "Add the deltas up, each times its model's weight.", elects: false,
    normalizes: false, paper: "Task arithmetic (arXiv 2212.04089)")

  private static let ties = taskVectors(
    "ties", "Keep each tensor's largest deltas, elect a sign, and average what agrees by weight.",
    elects: true, normalizes: true, sparsity: .largest, rescales: false,
    paper: "TIES-Merging (arXiv 2306.01708)")

  private static let dareLinear = taskVectors(
    "dare_linear", "Drop deltas at random, make up for it, and add the rest up.",
    elects: false, normalizes: false, sparsity: .draws, rescales: true,
    paper: "DARE (arXiv 2311.03099)")

  private static let dareTies = taskVectors(
    "dare_ties", "Drop deltas at random, make up for it, elect a sign, and add up what agrees.",
    elects: true, normalizes: false, sparsity: .draws, rescales: true,
    paper: "DARE (arXiv 2311.03099), TIES (arXiv 2306.01708)")

  private static let breadcrumbs = taskVectors(
    "breadcrumbs", "Drop each tensor's smallest and largest deltas, and add the rest up.",
    elects: false, normalizes: false, sparsity: .middle, rescales: false,
    paper: "Model breadcrumbs (arXiv 2312.06795)")

  private static let breadcrumbsTies = taskVectors(
    "breadcrumbs_ties", "The same with an elected sign.",
    elects: true, normalizes: false, sparsity: .middle, rescales: false,
    paper: "Model breadcrumbs (arXiv 2312.06795), TIES (arXiv 2306.01708)")

  private static let della = taskVectors(
    "della", "Drop deltas at random, the smaller of a row likelier, elect a sign, and average.",
    elects: true, normalizes: true, sparsity: .ranks, rescales: true,
    paper: "DELLA (arXiv 2406.11617)")

  private static let dellaLinear = taskVectors(
    "della_linear", "The same, and what is left is added up.",
    elects: false, normalizes: false, sparsity: .ranks, rescales: true,
    paper: "DELLA (arXiv 2406.11617)")

  private static func taskVectors(
    _ name: String, _ summary: String, elects: Bool, normalizes: Bool,
    sparsity: Sparsity = .none, rescales: Bool = false, paper: String
  ) -> StepMethod {
    var parameters: [StepParameter] = [
      .number("weight", .model, nil), .number("density", .model, 1),
      .truth("normalize", normalizes), .truth("rescale", rescales), .number("lambda", .all, 1),
      .truth("int8_mask", false),
    ]
    if sparsity == .middle { parameters.append(.number("gamma", .model, 0.01)) }
    if sparsity == .ranks { parameters.append(.number("epsilon", .model, 0.15)) }
    return StepMethod(
      name: name, summary: summary, base: .required, parameters: parameters,
      takesDifferences: true, sparsity: sparsity, paper: paper,
      rule: { setup, _ in
        StepOperator(elects ? "elect" : "sum", setup, rows: TaskVectorRule.rows) { setup, _ in
          TaskVectorRule(setup, elects: elects)
        }
      })
  }
}
