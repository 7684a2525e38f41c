import Sluice

// sluice's own stages, and ours.
var stages = StageRegistry()
stages.register(transform: "clip-outliers", version: "1") { arguments in
  ClipOutliers(share: try arguments.map.require("quantile").number(.share))
}

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
  print("usage: clip-outliers RECIPE OUT")
  throw ExampleError.usage
}
do {
  let file = try RecipeFile.load(arguments[1], stages: stages, options: RunOptions(threads: 2))
  let plan = try MergePlan(file.recipe, options: file.runOptions)
  let report = try MergeRun(plan, output: arguments[2]).execute()
  for model in report.models {
    print("\(model.name): kept \(model.keptCount) of \(model.elementCount) deltas")
  }
} catch let error as any SluiceError {
  print("error: \(error.failure.subject): \(error.failure.message)")
  if let remedy = error.failure.remedy { print("hint: \(remedy)") }
  throw ExampleError.failed
}

enum ExampleError: Error { case usage, failed }
