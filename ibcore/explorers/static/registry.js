const EXPLORERS = {
  RandomNetwork: randomNetwork,
  ComplexityMap: complexityMap,
  ModularPlayer: modularPlayer,
  ImageSpectrum: imageSpectrum,
  DiagonalNetwork: diagonalNetwork,
  SweepPlayer: sweepPlayer,
  ConceptLearner: conceptLearner,
  RemainderLearner: remainderLearner,
  ArchitectureGap: architectureGap,
  StepBudget: stepBudget,
  SimilarityPlayground: similarityPlayground,
  GuideComparison: guideComparison,
  GuidedTraining: guidedTraining,
};

/** Draw the explorer that the model names; the entry point of both hosts. */
function render(context) {
  const kind = context.model.get("kind");
  const draw = EXPLORERS[kind];
  if (!draw) throw new Error(`there is no explorer named ${kind}`);
  return draw(context);
}

defineElement();

/** What the script offers to its hosts and its tests, as the global IBExplorers. */
const PUBLIC = {
  render,
  uniforms,
  drawWeights,
  forward,
  erf,
  dct2,
  fourierMagnitudes,
  complexity,
  spectrum,
  referencePoints,
  cellColors,
  unpackPictures,
  presetPicture,
  diagonalProblem,
  diagonalRun,
  woodworthSolution,
  StaticModel,
  PALETTE,
};
