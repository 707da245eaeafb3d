function sample(rec)
  return 1
end
