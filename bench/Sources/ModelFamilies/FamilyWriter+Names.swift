extension FamilyWriter {
  /// What the fine-tuned models are called, then `model-6` and so on.
  private static let names = ["math", "code", "law", "chat", "finance"]

  /// The folder of a model in its family.
  /// - Parameter number: 0 for the base model, 1 and up for the fine-tuned ones.
  /// - Returns: its name.
  public static func modelName(_ number: Int) -> String {
    if number == 0 { return "base" }
    return number <= names.count ? names[number - 1] : "model-\(number)"
  }
}
