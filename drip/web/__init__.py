"""FastAPI: tracking links and the learner's pages."""
